import assert from "node:assert/strict";
import { constants } from "node:os";
import { explain } from "../src/cli/exit.ts";
import { errorWord, isNoSpace, openError } from "../src/store/disk_errors.ts";

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

Deno.test("a start says in one line, without a path, what the system refused, and how it ends", () => {
  const codes = { EIO: 74, EMFILE: 74, ENOSPC: 73, EACCES: 73, EROFS: 73 };
  for (const [word, code] of Object.entries(codes)) {
    const { message, code: got } = explain(openError(withCode(word)));
    assert.equal(got, code, word);
    assert.match(message, /^Cannot (open|use) the data folder[^\n]+$/);
    assert.ok(!message.includes("a path"), message);
  }
  const defect = new TypeError("a defect");
  assert.equal(openError(defect), defect);
});
