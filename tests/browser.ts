/**
 * A real browser for tests: Debian's Chromium, driven over the DevTools protocol, so that no
 * package has to be installed for it.
 */
import assert from "node:assert/strict";
import { accessSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Undefined where there is none: then such tests are skipped, saying so. */
export const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
  .find((path) => {
    try {
      accessSync(path);
      return true;
    } catch {
      return false;
    }
  });

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
  "--window-size=1000,1500",
  "--remote-debugging-port=0",
];

/** A page of the browser, driven over the DevTools protocol. */
export class Page {
  #socket: WebSocket;
  #nextId = 1;
  #waiting = new Map<number, (reply: Record<string, unknown>) => void>();
  readonly complaints: string[] = [];

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(String(data)) as Record<string, unknown>;
      if (typeof message["id"] === "number") this.#waiting.get(message["id"])?.(message);
      else this.#note(String(message["method"]), JSON.stringify(message["params"]));
    });
  }

  /** Errors and refusals; not the browser's advice, which is of level "verbose". */
  #note(method: string, params: string): void {
    if (method === "Runtime.exceptionThrown") this.complaints.push(params);
    if (method === "Log.entryAdded" && !params.includes('"verbose"')) this.complaints.push(params);
  }

  async call(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = this.#nextId++;
    const reply = await new Promise<Record<string, unknown>>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
    assert.equal(reply["error"], undefined, `${method}: ${JSON.stringify(reply["error"])}`);
    return reply["result"] as Record<string, unknown>;
  }

  /** The value of an expression in the page; it may be a promise. */
  async evaluate(expression: string): Promise<unknown> {
    const params = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", params);
    assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
    return (result as { value?: unknown }).value;
  }

  async until(expression: string): Promise<unknown> {
    for (let tries = 0; tries < 200; tries++) {
      const value = await this.evaluate(expression);
      if (value) return value;
      await delay(25);
    }
    return assert.fail(`never true in the page: ${expression}`);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.addEventListener("close", resolve));
    this.#socket.close();
    await closed;
  }
}

async function debuggingPort(profile: string): Promise<number> {
  for (let tries = 0; tries < 400; tries++) {
    const text = await readFile(join(profile, "DevToolsActivePort"), "utf8").catch(() => "");
    if (text.includes("\n")) return Number.parseInt(text, 10);
    await delay(50);
  }
  return assert.fail("Chromium did not open its debugging port in 20 s");
}

async function openPage(port: number, url: string): Promise<Page> {
  const created = await fetch(`http://127.0.0.1:${port}/json/new?about:blank`, { method: "PUT" });
  const { webSocketDebuggerUrl } = await created.json() as { webSocketDebuggerUrl: string };
  const socket = new WebSocket(webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  const page = new Page(socket);
  await page.call("Log.enable");
  await page.call("Runtime.enable");
  await page.call("Page.enable");
  await page.call("Page.navigate", { url });
  await page.until("document.querySelector('h1')?.textContent");
  return page;
}

/** Opens the address in a browser of its own, with nothing kept from or for another run. */
export async function withPage(url: string, run: (page: Page) => Promise<void>): Promise<void> {
  assert.ok(CHROMIUM);
  const profile = await mkdtemp(join(tmpdir(), "second-brain-chromium-"));
  const browser = new Deno.Command(CHROMIUM, {
    args: [...FLAGS, `--user-data-dir=${profile}`, "about:blank"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    const page = await openPage(await debuggingPort(profile), url);
    try {
      await run(page);
    } finally {
      await page.close();
    }
  } finally {
    browser.kill("SIGKILL");
    await browser.status;
    await removeSoon(profile);
  }
}

/** The browser's own children outlive it for a moment, and still write: Deno's `rm` tries once. */
async function removeSoon(folder: string): Promise<void> {
  for (let tries = 1;; tries++) {
    try {
      return await rm(folder, { recursive: true, force: true });
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
