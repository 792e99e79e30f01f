"""Serves the part of Qdrant's REST that is used here, on loopback, over Qdrant's own engine.

No Qdrant server can be installed from a package registry, but its engine can: `qdrant-edge-py` is
the Rust code of the server's shards (segments, payload indexes, filters, scores, quantisation,
HNSW, a write-ahead log) as a Python module.

    python3 -m venv VENV && VENV/bin/pip install qdrant-edge-py==0.9.0
    VENV/bin/python tests/qdrant/serve_edge.py --port 16333 [--storage FOLDER] [--api-key KEY]

Then QDRANT_TEST_URL=http://127.0.0.1:16333 names it to the tests.

What is Qdrant's: which points a filter lets through, their scores, their order, exact counts, what
vectors are taken, how quantised ones are rescored, what is there after a crash.
What is not: all that is in this file and in `edge_requests.py`, so how requests are read and which
status an error has. A collection is one shard; there is no cluster and no snapshot; requests come
one at a time; and segments are optimised when a collection is patched, where a server does it by
itself (the engine's call would hold up all others). What is not served is answered with 501.
"""

import argparse
import json
import shutil
import sys
import tempfile
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import qdrant_edge as edge

# Nothing is written beside the sources.
sys.dont_write_bytecode = True
sys.path.append(str(Path(__file__).parents[1]))
import edge_requests as requests
from edge_requests import FIELD_TYPES, HNSW, OPTIMIZERS, Refused
from loopback_server import serve

VERSION = "1.19.0"
MAX_BODY_BYTES = 32 * 1024 * 1024
INDEX_PARAMS = ("is_tenant", "is_principal", "on_disk", "lookup", "range", "enable_hnsw")
WRITES = {
    ("PUT", "index"): requests.index_of,
    ("PUT", "points"): requests.upsert_of,
    ("POST", "points", "delete"): requests.delete_of,
    ("POST", "points", "payload"): requests.set_payload_of,
}
PROBES = {"readyz": b"all shards are ready", "livez": b"healthz check passed", "healthz": b"healthz check passed"}


class Collection:
    """One shard, and beside it what it was created with."""

    def __init__(self, folder, config):
        self.folder = folder
        self.config = config
        self.writes = 0
        self.shard = None

    @staticmethod
    def create(folder, name, config):
        made = Collection(folder, config)
        model = requests.edge_config(config)
        folder.mkdir()
        made.shard = edge.EdgeShard.create(str(folder / "shard"), model)
        made.save(name)
        return made

    @staticmethod
    def load(folder):
        saved = json.loads((folder / "collection.json").read_text())
        made = Collection(folder, saved["config"])
        made.shard = edge.EdgeShard.load(str(folder / "shard"), requests.edge_config(made.config))
        return saved["name"], made

    def save(self, name):
        (self.folder / "collection.json").write_text(json.dumps({"name": name, "config": self.config}))

    def info(self):
        info = self.shard.info()
        on_disk = self.config.get("on_disk_payload", True)
        params = {"vectors": self.config["vectors"], "shard_number": 1, "on_disk_payload": on_disk}
        optimizers = {**OPTIMIZERS, "flush_interval_sec": 5, **(self.config.get("optimizers_config") or {})}
        return {
            "status": "green",
            "optimizer_status": "ok",
            "indexed_vectors_count": info.indexed_vectors_count,
            "points_count": info.points_count,
            "segments_count": info.segments_count,
            "config": {
                "params": {**params, "replication_factor": 1, "write_consistency_factor": 1},
                "hnsw_config": {**HNSW, **(self.config.get("hnsw_config") or {})},
                "optimizer_config": optimizers,
                "quantization_config": self.config.get("quantization_config"),
            },
            "payload_schema": {name: shown_index(index) for name, index in info.payload_schema.items()},
        }

    def patch(self, name, body):
        config = requests.patched(self.config, body)
        model = requests.edge_config(config)
        self.shard.close()
        self.config = config
        self.save(name)
        self.shard = edge.EdgeShard.load(str(self.folder / "shard"), model)
        self.shard.optimize()
        return True

    def update(self, operation, wait):
        self.shard.update(operation)
        self.writes += 1
        return {"operation_id": self.writes, "status": "completed" if wait else "acknowledged"}

    def read(self, what, body):
        if what == ["points", "query"]:
            found = self.shard.query(requests.query_of(body))
            return {"points": [shown(point, version=point.version, score=point.score) for point in found]}
        if what == ["points", "scroll"]:
            found, following = self.shard.scroll(requests.scroll_of(body))
            return {"points": [shown(record) for record in found], "next_page_offset": shown_id(following)}
        if what == ["points", "count"]:
            return {"count": self.shard.count(requests.count_of(body))}
        raise Refused(501, f"POST .../{'/'.join(what)} is not served here")


def shown(point, **more):
    given = {name: getattr(point, name) for name in ("payload", "vector")}
    return {"id": shown_id(point.id), **more, **{name: one for name, one in given.items() if one is not None}}


def shown_id(value):
    return str(value) if isinstance(value, uuid.UUID) else value


def shown_index(index):
    kind = next(name for name in FIELD_TYPES if getattr(edge.PayloadSchemaType, name.capitalize()) == index.data_type)
    if index.params is None:
        return {"data_type": kind, "points": index.points}
    params = {name: getattr(index.params, name, None) for name in INDEX_PARAMS}
    params = {name: value for name, value in params.items() if value is not None}
    return {"data_type": kind, "points": index.points, "params": {"type": kind, **params}}


class Node:
    """All collections, each in a folder of its own whose name says nothing."""

    def __init__(self, storage):
        self.storage = storage
        self.turn = threading.Lock()
        self.collections = dict(Collection.load(file.parent) for file in sorted(storage.glob("*/collection.json")))

    def answer(self, method, path, is_waited_for, body):
        if not path or path[0] != "collections":
            raise Refused(501, f"{method} /{'/'.join(path)} is not served here")
        with self.turn:
            if len(path) == 1:
                return {"collections": [{"name": name} for name in self.collections]}
            if len(path) == 2 and method in ("PUT", "DELETE"):
                return self._create(path[1], body) if method == "PUT" else self._drop(path[1])
            if path[2:] == ["exists"]:
                return {"exists": path[1] in self.collections}
            if path[1] not in self.collections:
                raise Refused(404, f"Not found: Collection `{path[1]}` doesn't exist!")
            return self._of_collection(method, path[1], path[2:], is_waited_for, body)

    def _of_collection(self, method, name, what, is_waited_for, body):
        collection = self.collections[name]
        if not what:
            return collection.patch(name, body) if method == "PATCH" else collection.info()
        if (method, *what) in WRITES:
            return collection.update(WRITES[(method, *what)](body), is_waited_for)
        if what == ["points", "batch"]:
            return [collection.update(requests.update_of(one), is_waited_for) for one in body["operations"]]
        return collection.read(what, body)

    def _create(self, name, config):
        if name in self.collections:
            raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
        self.collections[name] = Collection.create(self.storage / uuid.uuid4().hex, name, config)
        return True

    def _drop(self, name):
        collection = self.collections.pop(name, None)
        if collection is not None:
            collection.shard.close()
            shutil.rmtree(collection.folder)
        return collection is not None

    def close(self):
        with self.turn:
            for collection in self.collections.values():
                collection.shard.flush()
                collection.shard.close()


def refusal(error):
    """Status and words for what was thrown; the engine throws plain exceptions."""
    if isinstance(error, Refused):
        return error.status, str(error)
    if isinstance(error, (KeyError, TypeError, ValueError)):
        return 400, f"Format error in JSON body: {error}"
    if "Vector dimension error" in str(error):
        return 400, f"Wrong input: {error}"
    return 500, f"Service internal error: {error}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: a client waits 40 ms between two.
    wbufsize = 1 << 16
    node = None
    api_key = None

    def _serve(self):
        begun = time.monotonic()
        address = urlsplit(self.path)
        path = [unquote(part) for part in address.path.split("/") if part]
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length)
        if len(path) == 1 and path[0] in PROBES:
            return self._reply(200, PROBES[path[0]], "text/plain")
        if self.api_key is not None and self._key() != self.api_key:
            return self._reply(401, b"Invalid API key or JWT", "text/plain")
        if not path:
            return self._reply(200, json.dumps({"title": "qdrant", "version": VERSION}).encode())
        try:
            if length > MAX_BODY_BYTES:
                limit = f"larger than allowed (limit: {MAX_BODY_BYTES} bytes)."
                raise Refused(400, f"JSON payload ({length} bytes) is {limit}")
            is_waited_for = parse_qs(address.query).get("wait") == ["true"]
            result = self.node.answer(self.command, path, is_waited_for, json.loads(body) if body else {})
            status, said = 200, {"result": result, "status": "ok"}
        except Exception as error:
            status, message = refusal(error)
            said = {"status": {"error": message}}
        return self._reply(status, json.dumps({**said, "time": time.monotonic() - begun}).encode())

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _serve

    def _key(self):
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        return self.headers.get("api-key") or bearer

    def _reply(self, status, body, content_type="application/json"):
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing is said for each request."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=16333)
    parser.add_argument("--storage", type=Path)
    parser.add_argument("--api-key")
    options = parser.parse_args()
    storage = options.storage or Path(tempfile.mkdtemp(prefix="qdrant-edge-"))
    storage.mkdir(exist_ok=True)
    Handler.node = Node(storage)
    Handler.api_key = options.api_key
    try:
        serve(Handler, options.port)
    finally:
        Handler.node.close()
        if options.storage is None:
            shutil.rmtree(storage)


if __name__ == "__main__":
    main()
