/**
 * The page behind `GET /docs`: reads the OpenAPI document and tries the API, with no network but
 * this server and nothing loaded, not even from it: document, script and style are in the page.
 *
 * Why not Swagger UI (measured with swagger-ui-dist 5.35.0, as text imports): they work under
 * `deno run` and in the bundle, but add 1.9 MB to it, and 26 ms to every start even when they are
 * imported lazily (49 ms against 23 ms for an empty program, median of 30), since the bundle is
 * one file that is read and parsed whole; it also brings a usage-reporting package into the lock
 * file. This page costs 13 KB, and lets the browser run only what has the hashes below.
 */
import { createHash } from "node:crypto";
import script from "./docs_page.js" with { type: "text" };
import style from "./docs_page.css" with { type: "text" };

export interface DocsPage {
  readonly html: string;
  /** For the `Content-Security-Policy` header; the page is only as safe as this is sent. */
  readonly contentSecurityPolicy: string;
}

/** Builds the page; the same document gives the same page, so one build serves every request. */
export function docsPage(openApiDocument: object, title = "Second Brain API"): DocsPage {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<noscript>This page needs JavaScript. The same document is at openapi.json beside it.</noscript>
<script type="application/json" id="openapi">${scriptSafe(openApiDocument)}</script>
<script>${script}</script>
</body>
</html>
`;
  return { html, contentSecurityPolicy: policy() };
}

/** JSON in which no character can end or open an HTML element. */
function scriptSafe(document: object): string {
  return JSON.stringify(document).replaceAll("<", "\\u003c");
}

function policy(): string {
  return [
    "default-src 'none'",
    `script-src '${hash(script)}'`,
    `style-src '${hash(style)}'`,
    "connect-src 'self'",
    // The empty icon in the page, so that the browser does not ask for one.
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; ");
}

function hash(content: string): string {
  return "sha256-" + createHash("sha256").update(content).digest("base64");
}
