/** The page to read and try the API: whole in itself, and nothing in it can be made to run. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { docsPage } from "../src/http/docs.ts";

const HOSTILE = "</script><script>alert(1)</script><!--";

const document = {
  openapi: "3.1.0",
  info: { title: "Second Brain", version: "1.2.3", description: HOSTILE },
  paths: {},
};

function contents(html: string, tag: string): string[] {
  const found = html.matchAll(new RegExp(`<${tag}(?: [^>]*)?>([\\s\\S]*?)</${tag}>`, "g"));
  return [...found].map((match) => match[1] ?? "");
}

function directives(policy: string): Map<string, string> {
  return new Map(
    policy.split("; ").map((directive) => {
      const [name = "", ...values] = directive.split(" ");
      return [name, values.join(" ")];
    }),
  );
}

function sha256(content: string): string {
  return `'sha256-${createHash("sha256").update(content).digest("base64")}'`;
}

Deno.test("the docs page names no address outside itself", () => {
  const { html } = docsPage(document);
  assert.deepEqual(html.match(/\b(?:https?:)?\/\/[a-z0-9-]+\.[a-z]/gi) ?? [], []);
  assert.deepEqual(html.match(/\s(?:src|srcset|action|data|poster)\s*=\s*["'][^"']*/gi) ?? [], []);
  assert.deepEqual([...html.matchAll(/<link [^>]*href="([^"]*)"/g)].map((m) => m[1]), ["data:,"]);
  assert.doesNotMatch(html, /@import|url\(|import\(|importScripts|new Worker|innerHTML|eval\(/);
});

Deno.test("the docs page's policy lets run what is in the page, talks to this server, and no more", () => {
  const { html, contentSecurityPolicy } = docsPage(document);
  const allowed = directives(contentSecurityPolicy);
  const [data = "", script = "", ...scripts] = contents(html, "script");
  assert.deepEqual(scripts, []);
  assert.notEqual(data, "");
  assert.equal(allowed.get("default-src"), "'none'");
  assert.equal(allowed.get("script-src"), sha256(script));
  assert.deepEqual(contents(html, "style").map(sha256), [allowed.get("style-src")]);
  assert.equal(allowed.get("connect-src"), "'self'");
  assert.equal(allowed.get("img-src"), "data:");
  for (const name of ["base-uri", "form-action", "frame-ancestors"]) {
    assert.equal(allowed.get(name), "'none'");
  }
  assert.doesNotMatch(contentSecurityPolicy, /unsafe|https?:|\*/);
});

Deno.test("the docs page carries the document unchanged, and no text of it can end its element", () => {
  const { html } = docsPage(document);
  const [data = ""] = contents(html, "script");
  assert.deepEqual(JSON.parse(data), document);
  assert.ok(!html.includes(HOSTILE));
  assert.equal(html, docsPage(document).html);
});

Deno.test("the docs page has no inline style and no inline handler, which its policy would refuse", () => {
  const { html } = docsPage(document);
  assert.doesNotMatch(html, /\sstyle=|\son[a-z]+=/i);
});
