/** A reply as a test looks at it: read to its end, its fields by name. */
import assert from "node:assert/strict";

export class Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;

  constructor(status: number, headers: Headers, text: string) {
    this.status = status;
    this.headers = headers;
    this.text = text;
  }

  /** The field at the end of a path of names; undefined where there is none. */
  at(...path: readonly (string | number)[]): unknown {
    return path.reduce<unknown>((value, name) => {
      return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
    }, JSON.parse(this.text));
  }

  /** The same, which must be text. */
  textAt(...path: readonly (string | number)[]): string {
    const value = this.at(...path);
    assert.equal(typeof value, "string", `${path.join(".")} in ${this.text.slice(0, 500)}`);
    return String(value);
  }
}
