/**
 * The docs page in a real browser, under its own policy, against a stand-in server: what is sent,
 * what is shown, and that nothing else is asked for. Skipped where there is no Chromium.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { docsPage } from "../src/http/docs.ts";
import { CHROMIUM, type Page, withPage } from "./browser.ts";

const memory = {
  type: "object",
  required: ["content"],
  properties: {
    content: { type: "string", examples: ["The fence is <b>oak</b>."] },
    tags: { type: "array", items: { type: "string" }, description: "At most 50." },
    importance_score: { type: "number", default: 0.5 },
  },
};

const api = {
  openapi: "3.1.0",
  info: { title: "Second Brain", version: "1.2.3", description: "Remembers. <i>Not</i> HTML." },
  security: [{ bearer: [] }],
  paths: {
    "/memories": {
      post: {
        tags: ["memories"],
        summary: "Store a memory",
        description: "On disk before it is answered.",
        parameters: [{
          name: "Idempotency-Key",
          in: "header",
          description: "The same key, the same effect.",
          schema: { type: "string" },
        }],
        requestBody: {
          content: { "application/json": { schema: { $ref: "#/components/schemas/Memory" } } },
        },
        responses: { "201": { description: "The memory, with its id." } },
      },
      get: { tags: ["memories"], summary: "List memories", responses: {} },
    },
    "/memories/{id}": {
      get: {
        tags: ["memories"],
        summary: "Read a memory",
        parameters: [
          { name: "id", in: "path", required: true, schema: { type: "string" } },
          { name: "tag", in: "query", schema: { type: "array", items: { type: "string" } } },
        ],
        responses: { "404": { description: "No such memory." } },
      },
    },
  },
  components: { schemas: { Memory: memory } },
};

interface Seen {
  readonly line: string;
  readonly headers: Headers;
  readonly body: string;
}

/** Serves the page below a prefix, as behind a proxy, and writes down everything that is asked. */
function standIn() {
  const seen: Seen[] = [];
  const { html, contentSecurityPolicy } = docsPage(api);
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (req) => {
    const url = new URL(req.url);
    const body = await req.text();
    seen.push({ line: `${req.method} ${url.pathname}${url.search}`, headers: req.headers, body });
    if (url.pathname === "/brain/docs") {
      return new Response(html, {
        headers: {
          "content-type": "text/html; charset=utf-8",
          "content-security-policy": contentSecurityPolicy,
        },
      });
    }
    const headers = { "location": "/memories/1", "x-request-id": "abc" };
    return Response.json({ id: "1", content: "<img src=x>" }, { status: 201, headers });
  });
  return { seen, server, url: `http://127.0.0.1:${server.addr.port}/brain/docs` };
}

async function withDocs(run: (page: Page, seen: Seen[]) => Promise<void>): Promise<void> {
  const { seen, server, url } = standIn();
  try {
    await withPage(url, (page) => run(page, seen));
  } finally {
    await server.shutdown();
  }
}

const AT = (route: string) => `document.querySelector('[data-route="${route}"]')`;
const SEND = "querySelector('button').click()";

/** A test that needs the browser; without one it is skipped, and its name says why. */
function browserTest(name: string, run: (page: Page, seen: Seen[]) => Promise<void>): void {
  const why = CHROMIUM === undefined ? " (skipped: there is no Chromium here)" : "";
  Deno.test({ name: name + why, ignore: CHROMIUM === undefined, fn: () => withDocs(run) });
}

const POST = AT("post /memories");

async function sendMemory(page: Page): Promise<void> {
  await page.evaluate(`${POST}.open = true`);
  await page.until(`${POST}.querySelector('textarea')`);
  await page.evaluate(`{
    const key = document.querySelector('#key');
    key.value = 'sesame';
    key.dispatchEvent(new Event('input'));
    ${POST}.querySelector('input').value = 'once';
  }`);
  await page.evaluate(`${POST}.${SEND}`);
  await page.until(`${POST}.querySelector('.status')`);
}

browserTest("the docs page sends what its form says and shows the reply", async (page, seen) => {
  assert.equal(await page.evaluate("document.title"), "Second Brain 1.2.3");
  await sendMemory(page);
  const text = async (selector: string) =>
    String(await page.evaluate(`${POST}.querySelector('${selector}').textContent`));
  assert.match(await text(".status"), /^201 Created in \d+ ms$/);
  const [, sent] = seen;
  assert.equal(sent?.line, "POST /brain/memories");
  assert.equal(sent?.headers.get("authorization"), "Bearer sesame");
  assert.equal(sent?.headers.get("content-type"), "application/json");
  assert.equal(sent?.headers.get("idempotency-key"), "once");
  assert.deepEqual(JSON.parse(sent?.body ?? ""), { content: "The fence is <b>oak</b>." });
  assert.deepEqual(JSON.parse(await text("pre.body")), { id: "1", content: "<img src=x>" });
  assert.match(await text("pre.headers"), /^x-request-id: abc$/m);
  assert.match(await text(".fields"), /tags.*array of string.*At most 50/);

  const screenshot = Deno.env.get("DOCS_SCREENSHOT");
  if (screenshot) {
    const { data } = await page.call("Page.captureScreenshot", { format: "png" });
    await writeFile(screenshot, String(data), "base64");
  }
  assert.equal(await page.evaluate("document.querySelectorAll('img, i, b').length"), 0);
  assert.deepEqual(page.complaints, []);
});

browserTest("the docs page asks for nothing but itself and what is sent", async (page, seen) => {
  const get = AT("get /memories/{id}");
  await page.evaluate(`${get}.open = true`);
  await page.until(`${get}.querySelector('input')`);
  await page.evaluate(`{
    const [id, tag] = ${get}.querySelectorAll('input');
    id.value = 'a/b';
    tag.value = 'x, y';
  }`);
  await page.evaluate(`${get}.${SEND}`);
  await page.until(`${get}.querySelector('.status')`);
  assert.deepEqual(seen.map(({ line }) => line), [
    "GET /brain/docs",
    "GET /brain/memories/a%2Fb?tag=x&tag=y",
  ]);
});

browserTest("the docs page gives a line for curl, and keeps the key to its tab", async (page) => {
  await sendMemory(page);
  await page.evaluate(`${POST}.querySelector('button.plain').click()`);
  const curl = String(await page.until(`${POST}.querySelector('pre.curl')?.textContent`));
  assert.match(curl, /^curl -sS -X POST 'http:.*\/brain\/memories' /);
  assert.ok(curl.includes('"Authorization: Bearer $CONTAINER_API_KEY"'));
  assert.ok(!curl.includes("sesame"), "a line to copy never holds the key");
  assert.equal(await page.evaluate("Object.keys(localStorage).length + document.cookie"), "0");
});

browserTest("the docs page's policy stops a script that is not the page's own", async (page) => {
  await page.evaluate(`{
    const script = document.createElement('script');
    try { script.text = 'globalThis.injected = 1' } catch { /* Trusted Types refused it. */ }
    document.body.append(script);
  }`);
  assert.equal(await page.evaluate("typeof globalThis.injected"), "undefined");
  const outside = "fetch('http://127.0.0.1:9/').then(() => 'sent', (e) => e.name)";
  assert.equal(await page.evaluate(outside), "TypeError");
  assert.ok(page.complaints.some((complaint) => complaint.includes("connect-src")));
});
