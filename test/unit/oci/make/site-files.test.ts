import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { parseIgnoreRules } from "../../../../oci/make/ignore-rules.ts";
import { listSiteFiles, type SiteFiles, type SiteFolderOptions } from "../../../../oci/make/site-files.ts";

const parent = realpathSync(mkdtempSync(join(tmpdir(), "statigo-site-files-")));
after(() => rmSync(parent, { recursive: true, force: true }));

function siteOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(parent, "site-"));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

function list(folder: string, options: Partial<SiteFolderOptions> & { rules?: string[] } = {}): SiteFiles {
  const { rules = [], ...more } = options;
  return listSiteFiles({
    folder,
    ignore: parseIgnoreRules(rules),
    hasHidden: false,
    output: undefined,
    maximumBytes: 1_000_000,
    modifiedSeconds: 0,
    ...more,
  });
}

const pathsOf = ({ entries }: SiteFiles) => entries.map(({ path }) => path);

describe("the files of a site", () => {
  test("are the same whatever their times, modes and the order in which they were made", () => {
    const one = siteOf({ "b.html": "b", "a/z.html": "z", "a/b.html": "b", "a-b.html": "x" });
    const other = siteOf({ "a-b.html": "x", "a/b.html": "b", "a/z.html": "z", "b.html": "b" });
    chmodSync(join(other, "b.html"), 0o777);
    chmodSync(join(other, "a"), 0o700);
    utimesSync(join(other, "a/z.html"), 1, 1);
    const plain = (folder: string) => list(folder).entries.map(({ content, ...rest }) => rest);
    assert.deepEqual(plain(one), plain(other));
    assert.deepEqual(pathsOf(list(one)), ["a", "a-b.html", "a/b.html", "a/z.html", "b.html"]);
    assert.ok(plain(other).every(({ mode, kind }) => mode === (kind === "directory" ? 0o755 : 0o644)));
  });

  test("are without names that begin with a dot, but for .well-known, unless they are asked for", () => {
    const files = {
      "a.html": "",
      ".env": "secret",
      ".git/config": "",
      ".well-known/security.txt": "x",
      "b/.x": "",
    };
    const folder = siteOf(files);
    assert.deepEqual(pathsOf(list(folder)), [".well-known", ".well-known/security.txt", "a.html", "b"]);
    assert.ok(pathsOf(list(folder, { hasHidden: true })).includes(".git/config"));
    // A rule with ! has ignored folders looked into, and these are not ignored but never taken.
    const kept = pathsOf(list(folder, { rules: ["b", "!b/c"] }));
    assert.deepEqual(kept, [".well-known", ".well-known/security.txt", "a.html"]);
  });

  test("are without what the rules leave out, .dockerignore itself, and the file that is being written", () => {
    const folder = siteOf({
      ".dockerignore": "x",
      "a.html": "",
      "drafts/a.html": "",
      "drafts/keep.html": "",
      "out.tar": "",
    });
    const options = {
      rules: ["drafts", "!drafts/keep.html"],
      output: join(folder, "out.tar"),
      hasHidden: true,
    };
    assert.deepEqual(pathsOf(list(folder, options)), ["a.html", "drafts", "drafts/keep.html"]);
  });

  test("have links that lead to the same file wherever the site lies", () => {
    const folder = siteOf({ "docs/v2/index.html": "page" });
    symlinkSync("v2", join(folder, "docs/latest"));
    symlinkSync(join(folder, "docs/v2/index.html"), join(folder, "start.html"));
    const links = list(folder).entries.filter(({ kind }) => kind === "link");
    assert.deepEqual(
      links.map(({ path, target }) => [path, target]),
      [
        ["docs/latest", "v2"],
        ["start.html", "docs/v2/index.html"],
      ],
    );
  });

  const refused: [what: string, make: (folder: string) => void, words: RegExp, options?: object][] = [
    [
      "a link out of the folder",
      (folder) => symlinkSync("/etc/passwd", join(folder, "x")),
      /"x" is a link out of the folder, to "\/etc\/passwd"/,
    ],
    [
      "a link to nothing",
      (folder) => symlinkSync("nothing", join(folder, "x")),
      /"x" is a link to "nothing", which leads nowhere/,
    ],
    [
      "a link to itself",
      (folder) => symlinkSync("x", join(folder, "x")),
      /"x" is a link to "x", which leads nowhere/,
    ],
    [
      "a link to what is left out",
      (folder) => {
        writeFileSync(join(folder, ".hidden"), "");
        symlinkSync(".hidden", join(folder, "x"));
      },
      /"x" is a link to ".hidden", which is left out/,
    ],
    [
      "a name that is not UTF-8",
      (folder) => writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.of(0xe9)]), ""),
      /is not UTF-8: no address would lead to it/,
    ],
    [
      "a name that deletes files in images",
      (folder) => writeFileSync(join(folder, ".wh.index.html"), ""),
      /"\.wh\.index\.html" would delete a file/,
      { hasHidden: true },
    ],
    [
      "more bytes than are allowed, before any is read",
      (folder) => {
        writeFileSync(join(folder, "huge"), "");
        truncateSync(join(folder, "huge"), 2 ** 41);
      },
      /has 2048 GiB up to "huge", more than 976\.6 KiB; --max-size allows more/,
    ],
  ];
  for (const [what, make, words, options] of refused) {
    test(`may not have ${what}`, () => {
      const folder = siteOf({ "index.html": "" });
      make(folder);
      assert.throws(() => list(folder, options), words);
    });
  }

  test("are without pipes, which are named", () => {
    const folder = siteOf({ "index.html": "" });
    execFileSync("mkfifo", [join(folder, "pipe")]);
    const { warnings, entries } = list(folder);
    assert.deepEqual(warnings, ['"pipe" is a pipe, a socket or a device: left out']);
    assert.equal(entries.length, 1);
  });
});
