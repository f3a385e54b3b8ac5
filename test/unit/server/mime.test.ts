import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import mime from "mime-types";
import { renderMimeTable } from "../../../build/mime-table.ts";
import { mediaType } from "../../../server/mime.ts";

test("the table in the source is the one that mime-types gives", () => {
  const written = readFileSync(new URL("../../../server/mime-table.ts", import.meta.url), "utf8");
  // The formatter breaks the long line, the generator does not.
  const inOneLine = (source: string) => source.replaceAll(/\s+/g, " ");
  assert.ok(inOneLine(written) === inOneLine(renderMimeTable()), "run: npx tsx build/mime-table.ts");
});

test("every extension that mime-types knows has its type and charset", () => {
  for (const extension of Object.keys(mime.types)) {
    const expected = String(mime.contentType(`file.${extension}`)).replace(/charset=UTF-8/i, "charset=utf-8");
    assert.equal(mediaType(`file.${extension}`), expected, extension);
  }
});

test("an unknown, empty or odd extension is application/octet-stream", () => {
  for (const name of [
    "README",
    "file.",
    "file.nosuch",
    "file.html css",
    "file.!html",
    "",
    ".",
    "a.b/c",
    "x.\n",
  ]) {
    assert.equal(mediaType(name), "application/octet-stream", name);
  }
});

test("letter case of an extension does not matter, and the last extension counts", () => {
  assert.equal(mediaType("INDEX.HTML"), "text/html; charset=utf-8");
  assert.equal(mediaType("archive.tar.gz"), "application/gzip");
});
