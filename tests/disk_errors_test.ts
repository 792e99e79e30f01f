import assert from "node:assert/strict";
import { constants } from "node:os";
import { errorWord, isNoSpace } from "../src/store/disk_errors.ts";

function withCode(code: string): Error {
  return Object.assign(new Error("a path"), { code });
}

Deno.test("a full disk and a used-up quota are known for it, with a code or by their number alone", () => {
  assert.equal(isNoSpace(withCode("ENOSPC")), true);
  const asRuntimeSays = new Error(`Disk quota exceeded (os error ${constants.errno.EDQUOT})`);
  assert.equal(errorWord(asRuntimeSays), "EDQUOT");
  assert.equal(isNoSpace(asRuntimeSays), true);
  assert.equal(isNoSpace(withCode("EIO")), false);
});

Deno.test("the word for an error never holds what its message says", () => {
  assert.equal(errorWord(withCode("EIO")), "EIO");
  assert.equal(errorWord(new TypeError("/a/path")), "TypeError");
  assert.equal(errorWord(new Error("/a/path (os error 99999)")), "Error");
  assert.equal(errorWord("/a/path"), "unknown");
});
