/**
 * JSON from outside, read without loss: what `JSON.parse` would silently change is refused.
 *
 * Keys such as `__proto__` are plain data. Values are walked with a stack of our own, so that no
 * depth of nesting can exhaust the program's.
 */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}
