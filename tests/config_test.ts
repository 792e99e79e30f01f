/** Environments, and the configuration or exactly the problems they give. */
import assert from "node:assert/strict";
import { ENV } from "../.build/permissions.ts";
import { type Config, loadConfig } from "../src/config.ts";
import { CANARY, KEY, load, problemsOf } from "./environment.ts";

const DEFAULTS: Config = {
  isProduction: false,
  key: undefined,
  previousKey: undefined,
  readKey: undefined,
  files: { key: undefined, previousKey: undefined, readKey: undefined, limits: undefined },
  environmentLimits: { requestsPerMinute: 0, maxMemories: 0, quotaBytes: 0 },
  memoriesPath: "./data/memories.json",
  host: "127.0.0.1",
  port: 8000,
  embeddings: undefined,
  chatModel: undefined,
  toolSets: ["default"],
  compat: [],
  qdrant: undefined,
  maxBodyBytes: 8 * 1024 * 1024,
  maxImportBytes: 1024 * 1024 * 1024,
  requestsPerMinute: 0,
  maxMemories: 0,
  quotaBytes: 0,
  minFreeBytes: 64 * 1024 * 1024,
  onCorruption: "serve",
  backupIntervalHours: 24,
  backupKeep: 7,
  corsOrigins: [],
  allowedHosts: [],
  logLevel: "info",
  warnings: [],
};

Deno.test("nothing set gives the defaults, and so does everything set to nothing", () => {
  assert.deepEqual(load({}), DEFAULTS);
  assert.deepEqual(load(Object.fromEntries(ENV.map((name) => [name, ""]))), DEFAULTS);
  const blank = ENV.filter((name) => !/^CONTAINER_\w+_KEY$/.test(name)).map((name) => [name, "  "]);
  assert.deepEqual(load(Object.fromEntries(blank)), DEFAULTS);
});

const ALL = {
  ENVIRONMENT: "production",
  CONTAINER_API_KEY: KEY,
  CONTAINER_READ_KEY: `${CANARY}-read-0123456789abcdef`,
  MEMORY_PERSIST_PATH: "/data/m.json",
  HOST: " 0.0.0.0 ",
  PORT: "0",
  OPENAI_API_KEY: "sk-x",
  OPENAI_BASE_URL: "https://example.com/v1",
  EMBEDDING_MODEL: "m",
  EMBEDDING_DIMENSIONS: "256",
  CHAT_MODEL: "chat-m",
  MCP_TOOLS: "default, chatgpt,default",
  COMPAT: "mem0",
  QDRANT_URL: "https://qdrant.example.com:6333",
  QDRANT_API_KEY: "qd-x",
  QDRANT_COLLECTION: "my.brain_1-2",
  QDRANT_TIMEOUT_MS: "1500",
  QDRANT_QUANTIZATION: "scalar",
  MAX_BODY_BYTES: "1024",
  MAX_IMPORT_BYTES: "2048",
  RATE_LIMIT_PER_MINUTE: "60",
  MAX_MEMORIES: "5",
  STORAGE_QUOTA_BYTES: "6",
  MIN_FREE_BYTES: "7",
  ON_CORRUPTION: "readonly",
  BACKUP_INTERVAL_HOURS: "0",
  BACKUP_KEEP: "3",
  CORS_ORIGINS: "https://notes.example.com, http://localhost:5173,",
  ALLOWED_HOSTS: "Brain.example.com",
  LOG_LEVEL: "debug",
};

Deno.test("everything set gives what was set", () => {
  assert.deepEqual(load(ALL), {
    isProduction: true,
    key: KEY,
    previousKey: undefined,
    readKey: `${CANARY}-read-0123456789abcdef`,
    files: { key: undefined, previousKey: undefined, readKey: undefined, limits: undefined },
    environmentLimits: { requestsPerMinute: 60, maxMemories: 5, quotaBytes: 6 },
    memoriesPath: "/data/m.json",
    host: "0.0.0.0",
    port: 0,
    embeddings: { apiKey: "sk-x", baseUrl: "https://example.com/v1", model: "m", dimensions: 256 },
    chatModel: "chat-m",
    toolSets: ["default", "chatgpt"],
    compat: ["mem0"],
    qdrant: {
      url: "https://qdrant.example.com:6333",
      apiKey: "qd-x",
      collection: "my.brain_1-2",
      timeoutMs: 1500,
      quantization: "scalar",
    },
    maxBodyBytes: 1024,
    maxImportBytes: 2048,
    requestsPerMinute: 60,
    maxMemories: 5,
    quotaBytes: 6,
    minFreeBytes: 7,
    onCorruption: "readonly",
    backupIntervalHours: 0,
    backupKeep: 3,
    corsOrigins: ["https://notes.example.com", "http://localhost:5173"],
    allowedHosts: ["brain.example.com"],
    logLevel: "debug",
    warnings: [],
  });
});

Deno.test("it reads the variables that the program is allowed to read, and no others", () => {
  const read = new Set<string>();
  loadConfig({
    env: (name) => {
      read.add(name);
      return undefined;
    },
    readFile: () => assert.fail("no file is named"),
  });
  assert.deepEqual([...read].toSorted(), [...ENV].toSorted());
});

/** What no browser sends as the origin of a page, or means all pages. */
const NO_ORIGINS = [
  "*",
  "null",
  "file://",
  "file://x",
  "a.example",
  "https://a.example/",
  "https://A.example",
  "https://a.example:443",
  "https://*.example",
  "https://a.example/b",
  "https://me@a.example",
  "https://a.example, *",
  "chrome-extension://",
  "chrome-extension://*",
  "chrome-extension://abc/",
  "app://obsidian.md?x",
  "app://obsidian.md:99999",
  "1app://obsidian.md",
];
const NO_ADDRESSES = [
  CANARY,
  "ftp://x",
  `https://user:${CANARY}@example.com`,
  "http://example.com",
  "http://10.example.com",
  "http://127.0.0.1.example.com",
  "http://172.32.0.1",
  "http://[2001:db8::1]",
  "javascript:x",
];
const ADDRESS_WANTED = "an https address without user and password (http for your own network)";
const ORIGIN_WANTED = "https://notes.example.com: no wildcard, no slash at the end";

Deno.test("a value that is not fit is a problem that says what is, all of them at once", () => {
  const table: [string, string[], string][] = [
    ["ENVIRONMENT", ["prod", "Production"], '"development" or "production"'],
    ["MEMORY_PERSIST_PATH", ["/data", "memories.txt"], "a path that ends in .json"],
    ["HOST", ["a b", "http://x", "x/y"], "a host name or an address, such as 127.0.0.1"],
    ["PORT", ["-1", "65536", "80a", "1e3", "8000.5"], "a whole number from 0 to 65535"],
    ["OPENAI_API_KEY", ["a b", "\u00e9", "a\u0000b"], "printable ASCII without blanks"],
    ["OPENAI_BASE_URL", NO_ADDRESSES, ADDRESS_WANTED],
    ["EMBEDDING_MODEL", ["m".repeat(201)], "at most 200 characters"],
    ["EMBEDDING_DIMENSIONS", ["0", "8193", "x", "-1"], "a whole number from 1 to 8192"],
    ["QDRANT_URL", NO_ADDRESSES, ADDRESS_WANTED],
    ["QDRANT_API_KEY", [`a ${CANARY}`, "\u00e9"], "printable ASCII without blanks"],
    [
      "QDRANT_COLLECTION",
      ["a/b", "a b", "..%2f", "c".repeat(201)],
      "1 to 200 letters, digits, dots, dashes and underscores",
    ],
    ["QDRANT_TIMEOUT_MS", ["49", "60001", "1s"], "a whole number from 50 to 60000"],
    ["QDRANT_QUANTIZATION", ["int8", "Scalar"], "none or scalar"],
    ["MAX_BODY_BYTES", ["1023", "1073741825", "8MB"], "a whole number from 1024 to 1073741824"],
    ["MAX_IMPORT_BYTES", ["0", "1099511627777"], "a whole number from 1024 to 1099511627776"],
    ["RATE_LIMIT_PER_MINUTE", ["-1", "10000001"], "a whole number, 0 for no limit"],
    ["MAX_MEMORIES", ["many", "0x10"], "a whole number, 0 for no limit"],
    ["STORAGE_QUOTA_BYTES", ["1.5"], "a whole number, 0 for no limit"],
    ["MIN_FREE_BYTES", ["64MiB"], "a whole number, 0 for no such check"],
    ["ON_CORRUPTION", ["ignore"], "serve, readonly or refuse"],
    ["BACKUP_INTERVAL_HOURS", ["8785", "0.5"], "a whole number from 0 to 8784, 0 for no backups"],
    ["BACKUP_KEEP", ["0", "1001"], "a whole number from 1 to 1000"],
    ["CORS_ORIGINS", NO_ORIGINS, "origins between commas, such as " + ORIGIN_WANTED],
    ["ALLOWED_HOSTS", ["a b", "http://x/y", "*"], "host names between commas"],
    ["LOG_LEVEL", ["INFO", "trace"], "debug, info, warn, error"],
  ];
  for (const [name, values, wanted] of table) {
    for (const value of values) {
      assert.deepEqual([value, problemsOf({ [name]: value })], [value, [
        `${name} must be ${wanted}`,
      ]]);
    }
  }
  const env = Object.fromEntries(table.map(([name, [value = ""]]) => [name, value]));
  const all = table.map(([name, , wanted]) => `${name} must be ${wanted}`);
  assert.deepEqual(problemsOf(env).toSorted(), all.toSorted());
});

Deno.test("an address in one's own network may be plain http", () => {
  for (
    const url of [
      "http://localhost:11434/v1",
      "http://ollama:11434",
      "http://127.0.0.1:8080",
      "http://10.1.2.3",
      "http://192.168.0.9",
      "http://172.16.0.1",
      "http://[::1]:8080",
      "http://[fd00::7]",
      "http://svc.ns.svc.cluster.local",
      "https://api.example.com/v1",
    ]
  ) {
    const { embeddings } = load({ OPENAI_BASE_URL: url });
    assert.deepEqual(embeddings, {
      apiKey: "",
      baseUrl: url,
      model: "text-embedding-3-small",
      dimensions: undefined,
    });
    assert.deepEqual(load({ QDRANT_URL: url, QDRANT_API_KEY: "k" }).qdrant, {
      url,
      apiKey: "k",
      collection: undefined,
      timeoutMs: 800,
      quantization: "none",
    });
  }
});

Deno.test("settings of Qdrant without its address are of no use, and warned of", () => {
  const env = { QDRANT_API_KEY: CANARY, QDRANT_COLLECTION: CANARY, QDRANT_TIMEOUT_MS: "800" };
  const { qdrant, warnings } = load(env);
  assert.equal(qdrant, undefined);
  assert.deepEqual(
    warnings,
    Object.keys(env).map((name) => `${name} is set without QDRANT_URL, and so of no use`),
  );
  assert.deepEqual(load({ ...env, QDRANT_URL: "http://qdrant:6333" }).warnings, []);
});

Deno.test("a chat model without a provider is of no use, and warned of", () => {
  const warning = "CHAT_MODEL is set without OPENAI_API_KEY or OPENAI_BASE_URL: of no use";
  assert.deepEqual(load({ CHAT_MODEL: CANARY }).warnings, [warning]);
  const provider = { OPENAI_API_KEY: CANARY };
  assert.deepEqual(load({ CHAT_MODEL: CANARY, ...provider }).warnings, []);
});

Deno.test("an origin may be of any scheme that pages have: extensions and programs with a browser inside", () => {
  const origins = [
    "http://[::1]:5173",
    "chrome-extension://jnkmfdileelhofjcijamephohjechhna",
    "moz-extension://1b1b9a0e-3f5c-4a7e-9f0f-2f4d8c6b7a11",
    "app://obsidian.md",
    "tauri://localhost",
    "capacitor://localhost:8080",
    "vscode-webview://0A-b.c_d",
  ];
  assert.deepEqual(load({ CORS_ORIGINS: origins.join() }).corsOrigins, origins);
});
