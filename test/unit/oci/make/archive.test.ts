import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { extract } from "tar-stream";
import { type ArchiveEntry, archiveBlocks } from "../../../../oci/make/archive.ts";
import { encodeHeader } from "../../../../oci/make/tar-header.ts";

const folder = mkdtempSync(join(tmpdir(), "statigo-archive-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const common = { target: "", modifiedSeconds: 0 };

function fileOf(path: string, content: string): ArchiveEntry {
  const bytes = Buffer.from(content);
  return { ...common, path, kind: "file", mode: 0o644, sizeBytes: bytes.length, content: bytes };
}

function folderOf(path: string): ArchiveEntry {
  return { ...common, path, kind: "directory", mode: 0o755, sizeBytes: 0 };
}

function linkOf(path: string, target: string): ArchiveEntry {
  return { ...common, path, kind: "link", mode: 0o777, sizeBytes: 0, target };
}

function archiveOf(entries: readonly ArchiveEntry[], blockBytes = 1000): Buffer {
  return Buffer.concat([...archiveBlocks(entries, blockBytes)]);
}

interface Member {
  name: string;
  type: string;
  target: string;
  content: string;
}

async function read(archive: Buffer): Promise<Member[]> {
  const reader = extract();
  reader.end(archive);
  const members: Member[] = [];
  for await (const member of reader) {
    const { name, type, linkname } = member.header;
    const chunks: Buffer[] = [];
    for await (const chunk of member as AsyncIterable<Buffer>) chunks.push(chunk);
    members.push({
      name,
      type: String(type),
      target: linkname ?? "",
      content: Buffer.concat(chunks).toString(),
    });
  }
  return members;
}

const long = `${"a-folder-with-a-name/".repeat(9)}page.html`;
const names: [what: string, entry: ArchiveEntry, name: string][] = [
  ["a plain name", fileOf("www/index.html", "page"), "www/index.html"],
  ["a name of 100 bytes", fileOf("x".repeat(100), "page"), "x".repeat(100)],
  ["a name of 101 bytes", fileOf("x".repeat(101), "page"), "x".repeat(101)],
  ["a long path", fileOf(long, "page"), long],
  ["a long folder", folderOf("d".repeat(150)), `${"d".repeat(150)}/`],
  ["letters of other alphabets", fileOf("www/Привет, Öl/🚀.html", "page"), "www/Привет, Öl/🚀.html"],
  ["a line break and a tab in a name", fileOf("www/a\nb\t.html", "page"), "www/a\nb\t.html"],
  ["an empty file", fileOf("www/empty", ""), "www/empty"],
  ["a link with a long target", linkOf("www/link", long), "www/link"],
];

describe("an archive", () => {
  for (const [what, entry, name] of names) {
    test(`has ${what} as it was, for a library and for tar`, async () => {
      const archive = archiveOf([entry]);
      const [member] = await read(archive);
      assert.equal(member?.name.replace(/\/$/, ""), name.replace(/\/$/, ""));
      assert.equal(member?.target, entry.target);
      assert.equal(member?.content, entry.kind === "file" ? (entry.content?.toString() ?? "") : "");
      const listed = execFileSync("tar", ["--list", "--quoting-style=literal", "--file", "-"], {
        input: archive,
      });
      assert.equal(listed.toString(), `${name}\n`);
    });
  }

  test("has the same bytes in blocks of any length, each full but the last", () => {
    const entries = [folderOf("www"), fileOf("www/a", "x".repeat(5000)), fileOf("www/b", "y")];
    const whole = archiveOf(entries, 1 << 20);
    for (const blockBytes of [1, 511, 512, 4096]) {
      const blocks = [...archiveBlocks(entries, blockBytes)];
      assert.ok(blocks.slice(0, -1).every(({ length }) => length === blockBytes));
      assert.deepEqual(Buffer.concat(blocks), whole);
    }
    assert.equal(whole.length % 512, 0);
  });

  test("names a size that eleven octal digits have no room for", async () => {
    const sizeBytes = 20 * 1024 ** 3;
    const header = encodeHeader({ ...fileOf("video", ""), sizeBytes });
    const reader = extract();
    const found = new Promise((resolve) => reader.once("entry", ({ size }) => resolve(size)));
    reader.write(header);
    assert.equal(await found, sizeBytes);
    reader.destroy();
  });

  for (const [what, length] of [
    ["shorter", 10],
    ["longer", 3000],
  ] as const) {
    test(`is refused when a file has become ${what} since it was listed`, () => {
      const file = join(folder, "file");
      writeFileSync(file, "x".repeat(2000));
      truncateSync(file, length);
      const entry: ArchiveEntry = { ...fileOf("www/file", ""), sizeBytes: 2000, content: file };
      assert.throws(() => archiveOf([entry]), /file" changed while it was read: build once more/);
    });
  }
});
