import assert from "node:assert/strict";
import { test } from "node:test";
import { ImageError } from "../../../oci/image-error.ts";
import { explainWriteError } from "../../../oci/write/write-error.ts";

const refusals: [code: string, words: RegExp][] = [
  ["ENOSPC", /^\/a\/b cannot be written: the disk is full: make room/],
  ["EROFS", /^\/a\/b cannot be written: nothing can be written there/],
  ["EACCES", /^\/a\/b cannot be written: this user may not write there/],
  ["ENOENT", /^\/a\/b cannot be written: there is no folder \/a,/],
];
for (const [code, words] of refusals) {
  test(`${code} is told in words that name the place and what to do`, () => {
    const explained = explainWriteError(Object.assign(new Error(code), { code }), "/a/b");
    assert.ok(explained instanceof ImageError);
    assert.match(explained.message, words);
  });
}

test("what is no refusal of the system stays as it is", () => {
  const error = new Error("a bug");
  assert.equal(explainWriteError(error, "/a/b"), error);
});
