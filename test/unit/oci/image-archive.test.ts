import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { isImageArchive } from "../../../oci/image-archive.ts";

const scratch = mkdtempSync(join(tmpdir(), "statigo-archive-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

const hash = "0123456789abcdef".repeat(4);
const archives: [what: string, files: string[], isImage: boolean][] = [
  ["an OCI layout", [`blobs/sha256/${hash}`, "index.json", "oci-layout"], true],
  ["what docker save writes", [`blobs/sha256/${hash}`, "manifest.json", "repositories"], true],
  ["what docker save wrote before", [`${hash}.json`, `${hash}/layer.tar`, "manifest.json"], true],
  ["a web application, whose manifest.json is another", ["index.html", "manifest.json"], false],
  ["pages", ["index.html", "css/site.css"], false],
];
for (const [what, files, isImage] of archives) {
  for (const form of ["ustar", "gnu", "pax"]) {
    test(`${what} as a tar archive (${form}) is ${isImage ? "an" : "no"} image`, () => {
      const folder = mkdtempSync(join(scratch, "files-"));
      for (const path of files) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), "x".repeat(700));
      }
      const file = `${folder}.tar`;
      execFileSync("tar", [`--format=${form}`, "-C", folder, "-cf", file, "."]);
      assert.equal(isImageArchive(file), isImage);
    });
  }
}

test("what is no tar archive is no image", () => {
  for (const content of ["", "my diary", "\0".repeat(5000)]) {
    const file = join(scratch, "other.tar");
    writeFileSync(file, content);
    assert.equal(isImageArchive(file), false);
  }
});
