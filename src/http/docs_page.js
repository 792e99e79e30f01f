/**
 * Runs in the browser, inside the page of `docs.ts`. It only ever sets text, never HTML: what a
 * server or a document says cannot become part of the page. The key stays in this tab. It is plain
 * JavaScript because the browser gets the file as it stands.
 */
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete", "head", "options"];
const SHOWN_CHARACTERS = 200_000;
const KEY_NAME = "second-brain-key";
const api = JSON.parse(document.getElementById("openapi")?.textContent ?? "{}");

/** An element, its properties and children; strings become text. */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** Follows `$ref` within the document. */
function resolve(value) {
  let found = value ?? {};
  for (let steps = 0; typeof found["$ref"] === "string" && steps < 20; steps++) {
    const keys = found["$ref"].replace(/^#\//, "").split("/");
    found = keys.reduce(
      (at, key) => at?.[key.replaceAll("~1", "/").replaceAll("~0", "~")] ?? {},
      api,
    );
  }
  return found;
}

/** A value to start editing from: what the schema shows, or else the plainest that fits. */
function sample(given, depth = 0) {
  const schema = resolve(given);
  for (const shown of [schema.example, schema.examples?.[0], schema.const, schema.default]) {
    if (shown !== undefined) return shown;
  }
  if (schema.enum) return schema.enum[0];
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return sample(choices[0], depth + 1);
  if (schema.allOf) {
    return Object.assign({}, ...schema.allOf.map((s) => sample(s, depth + 1)));
  }
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "object" || schema.properties) return sampleObject(schema, depth);
  if (type === "array") return schema.items && depth < 4 ? [sample(schema.items, depth + 1)] : [];
  return { string: "text", integer: 1, number: 0.5, boolean: false }[String(type)] ?? null;
}

function sampleObject(schema, depth) {
  if (depth > 4) return {};
  const required = schema.required ?? [];
  const names = Object.keys(schema.properties ?? {});
  const chosen = required.length > 0 ? names.filter((name) => required.includes(name)) : names;
  return Object.fromEntries(
    chosen.map((name) => [name, sample(schema.properties[name], depth + 1)]),
  );
}

/** The operations, grouped by the first tag of each. */
function routesByTag() {
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths ?? {})) {
    for (const method of METHODS.filter((name) => item[name] !== undefined)) {
      const operation = item[method];
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(resolve);
      const tag = operation.tags?.[0] ?? "api";
      groups.set(tag, [...(groups.get(tag) ?? []), { method, path, operation, parameters }]);
    }
  }
  return groups;
}

function parameterRow(parameter) {
  const schema = resolve(parameter.schema);
  const options = schema.enum ?? (schema.type === "boolean" ? ["true", "false"] : undefined);
  const label = parameter.name + " (" + parameter.in + ")";
  const field = options
    ? make("select", { ariaLabel: label }, ...["", ...options].map((o) => make("option", {}, o)))
    : make("input", { ariaLabel: label, spellcheck: false, autocomplete: "off" });
  if (parameter.required && parameter.example !== undefined) field.value = parameter.example;
  if (!options) field.placeholder = String(schema.default ?? schema.format ?? schema.type ?? "");
  const name = make("code", { className: parameter.required ? "required" : "" }, label);
  const text = make("p", { className: "text" }, parameter.description ?? schema.description ?? "");
  return { parameter, field, row: make("div", { className: "parameter" }, name, field, text) };
}

function bodyEditor(operation) {
  const content = Object.entries(resolve(operation.requestBody).content ?? {});
  if (content.length === 0) return undefined;
  const type = make(
    "select",
    { ariaLabel: "content type" },
    ...content.map(([name]) => make("option", {}, name)),
  );
  const editor = make("textarea", { rows: 10, spellcheck: false, ariaLabel: "request body" });
  const fill = () => {
    const media = content[type.selectedIndex]?.[1] ?? {};
    const [named] = Object.values(media.examples ?? {});
    const value = media.example ?? resolve(named).value ?? sample(media.schema);
    const text = typeof value === "string" ? value : undefined;
    editor.value = text ?? JSON.stringify(value, null, type.value.includes("ndjson") ? 0 : 2);
  };
  type.addEventListener("change", fill);
  fill();
  return {
    nodes: [make("h3", {}, "Body ", type), editor, fieldList(content[0]?.[1].schema)],
    type: () => type.value,
    text: () => editor.value,
  };
}

/** A schema's type in a few words, such as "array of string" or "integer or null, 1 to 100". */
function typeOf(given) {
  const schema = resolve(given);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(", ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return choices.map(typeOf).join(" or ");
  const type = [schema.type ?? "any"].flat().join(" or ");
  if (type === "array" && schema.items) return "array of " + typeOf(schema.items);
  const { minimum, maximum } = schema;
  return minimum === undefined || maximum === undefined
    ? type
    : type + ", " + minimum + " to " + maximum;
}

/** The fields of an object's schema, to read; undefined where there are none to name. */
function fieldList(given) {
  const schema = resolve(given);
  const fields = Object.entries(schema.properties ?? {});
  if (fields.length === 0) return undefined;
  const lines = fields.flatMap(([name, field]) => {
    const className = schema.required?.includes(name) ? "required" : "";
    const text = [typeOf(field), resolve(field).description].filter(Boolean).join(". ");
    return [make("dt", { className }, name), make("dd", {}, text)];
  });
  return make("dl", { className: "fields" }, ...lines);
}

/** The request as the form stands. An array parameter takes its values separated by commas. */
function callOf(route, rows, body) {
  let path = route.path.replace(/^\//, "");
  const query = new URLSearchParams();
  const headers = [];
  for (const { parameter, field } of rows) {
    const value = field.value;
    if (parameter.in === "path") {
      path = path.replaceAll("{" + parameter.name + "}", encodeURIComponent(value));
    } else if (value !== "" && parameter.in === "header") headers.push([parameter.name, value]);
    else if (value !== "" && parameter.in === "query") {
      const many = resolve(parameter.schema).type === "array";
      const values = many ? value.split(",").map((v) => v.trim()) : [value];
      for (const one of values) query.append(parameter.name, one);
    }
  }
  const text = body?.text() ?? "";
  if (body && text !== "") headers.push(["Content-Type", body.type()]);
  const url = new URL("./" + path, location.href);
  url.search = query.toString();
  const method = route.method.toUpperCase();
  return { url, method, headers, body: text === "" ? undefined : text };
}

/** A line for a shell. The key is named, not written: a copied line ends up in histories and chats. */
function curlOf(call, withKey) {
  const quote = (text) => "'" + text.replaceAll("'", "'\\''") + "'";
  const parts = ["curl -sS -X " + call.method + " " + quote(call.url.href)];
  if (withKey) parts.push('-H "Authorization: Bearer $CONTAINER_API_KEY"');
  for (const [name, value] of call.headers) parts.push("-H " + quote(name + ": " + value));
  if (call.body !== undefined) parts.push("--data-binary " + quote(call.body));
  return parts.join(" \\\n  ");
}

async function send(call, output) {
  const key = keyField.value.trim();
  const headers = new Headers(call.headers);
  if (key !== "") headers.set("Authorization", "Bearer " + key);
  const begun = performance.now();
  try {
    const { method, body } = call;
    const response = await fetch(call.url, { method, headers, ...(body ? { body } : {}) });
    const text = await response.text();
    const ms = Math.round(performance.now() - begun);
    const status = response.status + " " + response.statusText + " in " + ms + " ms";
    const lines = [...response.headers].map(([name, value]) => name + ": " + value);
    output.replaceChildren(
      make("p", { className: "status " + (response.ok ? "good" : "bad") }, status),
      make("pre", { className: "headers" }, lines.join("\n")),
      make("pre", { className: "body" }, shown(text)),
    );
  } catch (error) {
    output.replaceChildren(
      make("p", { className: "status bad" }, "Cannot send: " + String(error)),
    );
  }
}

function shown(text) {
  let pretty = text;
  try {
    pretty = JSON.stringify(JSON.parse(text), null, 2);
  } catch { /* Not JSON: shown as it came. */ }
  if (pretty.length <= SHOWN_CHARACTERS) return pretty;
  return pretty.slice(0, SHOWN_CHARACTERS) + "\n… " + (pretty.length - SHOWN_CHARACTERS) +
    " characters more, not shown";
}

function inside(route) {
  const rows = route.parameters.map(parameterRow);
  const body = bodyEditor(route.operation);
  const output = make("div", { ariaLive: "polite" });
  const button = make("button", { type: "button" }, "Send");
  const copy = make("button", { type: "button", className: "plain" }, "Copy as curl");
  const needsKey = (route.operation.security ?? api.security ?? []).length > 0;
  button.addEventListener("click", async () => {
    button.disabled = true;
    await send(callOf(route, rows, body), output);
    button.disabled = false;
  });
  copy.addEventListener("click", async () => {
    const line = curlOf(callOf(route, rows, body), needsKey);
    // Only a secure context has a clipboard; the line is shown in any case.
    await navigator.clipboard?.writeText(line).catch(() => undefined);
    output.replaceChildren(make("pre", { className: "curl" }, line));
  });
  const replies = Object.entries(route.operation.responses ?? {}).flatMap(([code, reply]) => [
    make("dt", {}, code),
    make("dd", {}, resolve(reply).description ?? ""),
  ]);
  return make(
    "div",
    { className: "inside" },
    make("p", { className: "text" }, route.operation.description ?? ""),
    ...rows.map(({ row }) => row),
    ...(body?.nodes ?? []),
    make("div", {}, button, copy),
    output,
    make("h3", {}, "Replies"),
    make("dl", {}, ...replies),
  );
}

function operationNode(route) {
  const summary = make(
    "summary",
    {},
    make("span", { className: "method " + route.method }, route.method.toUpperCase()),
    make("code", {}, route.path),
    make("span", { className: "what" }, route.operation.summary ?? ""),
  );
  const node = make("details", { className: "operation" }, summary);
  node.dataset.route = route.method + " " + route.path;
  // Built when first opened: most are never looked at.
  node.addEventListener("toggle", () => node.append(inside(route)), { once: true });
  return node;
}

const keyField = make("input", {
  id: "key",
  type: "password",
  autocomplete: "off",
  value: sessionStorage.getItem(KEY_NAME) ?? "",
});
keyField.addEventListener("input", () => sessionStorage.setItem(KEY_NAME, keyField.value));

document.title = (api.info?.title ?? "API") + " " + (api.info?.version ?? "");
document.body.append(
  make("h1", {}, document.title),
  make("p", { className: "text" }, api.info?.description ?? ""),
  make(
    "div",
    { className: "key" },
    make("label", { htmlFor: "key" }, "Key"),
    keyField,
    make("span", { className: "text" }, "kept in this tab only"),
  ),
);
for (const [tag, routes] of routesByTag()) {
  document.body.append(make("h2", {}, tag), ...routes.map(operationNode));
}
