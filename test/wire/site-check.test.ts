/** `--check`, on every runtime: what it says of a site, and with which exit status. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { runServer, runtimes } from "../support/server-process.ts";

const folder = mkdtempSync(join(tmpdir(), "statigo-check-"));
after(() => rmSync(folder, { recursive: true }));

function makeSite(name: string, files: Readonly<Record<string, string>>): string {
  const root = join(folder, name);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

const sound = makeSite("sound", {
  "index.html": "home",
  "app.js": "1",
  "app.js.br": "1",
  "docs/index.html": "docs",
  ".well-known/security.txt": "x",
  ".nojekyll": "",
  _redirects: "/a /b 301\n",
});
symlinkSync("index.html", join(sound, "alias.html"));

const broken = makeSite("broken", {
  "index.html": "home",
  "app.js": "2",
  "app.js.gz": "1",
  _redirects: "/a\n/b /c 999\n/d /e\n",
  _headers: "X-No-Path: 1\n",
});
utimesSync(join(broken, "app.js.gz"), 1, 1);
symlinkSync("/etc", join(broken, "etc"));
symlinkSync("nowhere", join(broken, "nothing"));
writeFileSync(Buffer.concat([Buffer.from(`${broken}/`), Buffer.from([0xff, 0xfe])]), "");

for (const runtime of runtimes) {
  describe(`--check on ${runtime.name}`, { skip: runtime.missing }, () => {
    test("a sound site is told so, with what is left out on purpose, and status 0", async () => {
      const { status, stdout, stderr } = await runServer(runtime, ["--check", "--root-dir", sound]);
      assert.equal(stderr, "");
      assert.equal(
        stdout,
        `${sound}/.nojekyll: hidden, so not served (--serve-hidden)\n${sound}: 7 files, no problem\n`,
      );
      assert.equal(status, 0);
    });

    test("every problem is a line with its place, and the status is 1", async () => {
      const { status, stdout } = await runServer(runtime, ["--check", `--root-dir=${broken}`]);
      const lines = stdout.trimEnd().split("\n");
      const expected = [
        /app\.js\.gz: is older than the file it is the compressed form of/,
        /etc: is a link out of the root, to \/etc: 404$/,
        /nothing: is a link to nothing: 404$/,
        /its name is no UTF-8: no address reaches it$/,
        /_headers:1: /,
        /_redirects:1: /,
        /_redirects:2: /,
        /: \d+ files, 7 problems$/,
      ];
      assert.equal(lines.length, expected.length, stdout);
      for (const [index, pattern] of expected.entries()) assert.match(lines[index] ?? "", pattern);
      assert.equal(status, 1);
    });
  });
}
