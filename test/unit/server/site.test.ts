/** What the site remembers of the files that were asked for. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { mixContent } from "../../../server/node-hash.ts";
import { parseOptions } from "../../../server/options/command-line.ts";
import { Site } from "../../../server/site/site.ts";

/** More than are known at once. */
const pageCount = 4500;

describe("a site of more files than are known at once", () => {
  const root = mkdtempSync(join(tmpdir(), "statigo-site-"));
  const nowMs = Date.now();
  const pages = Array.from({ length: pageCount }, (_, index) => `/page-${index}.html`);
  let site: Site;
  before(() => {
    for (const name of [...pages, "/often.html", "/once.html"]) writeFileSync(join(root, name), name);
  });
  after(() => rmSync(root, { recursive: true, force: true }));
  const open = () =>
    new Site(
      parseOptions(["--root-dir", root], () => ""),
      mixContent,
    );

  test("knows what is asked for again and again, whatever else is asked for", () => {
    site = open();
    const often = site.find("/often.html", nowMs);
    const once = site.find("/once.html", nowMs);
    assert.ok(often !== null && once !== null);
    for (const [index, page] of pages.entries()) {
      assert.equal(site.find(page, nowMs)?.path, page);
      if (index % 1000 === 0) assert.equal(site.find("/often.html", nowMs), often);
    }
    assert.equal(site.find("/often.html", nowMs), often);
    assert.notEqual(site.find("/once.html", nowMs), once);
  });

  test("finds the others anew, and forgets what is gone wherever it was remembered", () => {
    site = open();
    for (const page of pages) site.find(page, nowMs);
    for (const page of pages) assert.equal(site.find(page, nowMs)?.path, page);
    const [first = "", , third = ""] = pages;
    for (const gone of [first, third, pages.at(-1) ?? ""]) {
      const known = site.find(gone, nowMs);
      assert.ok(known !== null);
      unlinkSync(join(root, gone));
      site.forget(known);
      assert.equal(site.find(gone, nowMs), null, gone);
      assert.equal(site.find(gone, nowMs + 2000), null, gone);
    }
  });
});
