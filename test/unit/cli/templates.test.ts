import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { copyTemplate, listTemplates, packedGitignore, renameEverywhere } from "../../../cli/templates.ts";

const folder = mkdtempSync(join(tmpdir(), "statigo-templates-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const template = join(folder, "templates/plain");
mkdirSync(join(template, "_site"), { recursive: true });
mkdirSync(join(template, "sub"));
writeFileSync(join(template, ".gitignore"), "_site/\n");
writeFileSync(join(template, "sub/.gitignore"), "x\n");
writeFileSync(join(template, "index.html"), "hello");
writeFileSync(join(template, "_site/index.html"), "built");

test("every folder of the templates is one, and nothing else is", () => {
  writeFileSync(join(folder, "templates/README.md"), "");
  assert.deepEqual(listTemplates(join(folder, "templates")), ["plain"]);
});

test("a copy leaves out what the template's own build made", () => {
  copyTemplate(template, join(folder, "copy"));
  assert.equal(readFileSync(join(folder, "copy/index.html"), "utf8"), "hello");
  assert.ok(!existsSync(join(folder, "copy/_site")));
});

test("a .gitignore packed under npm's nose is a .gitignore again in the copy", () => {
  renameEverywhere(template, ".gitignore", packedGitignore);
  assert.ok(!existsSync(join(template, ".gitignore")));
  copyTemplate(template, join(folder, "restored"));
  assert.equal(readFileSync(join(folder, "restored/.gitignore"), "utf8"), "_site/\n");
  assert.equal(readFileSync(join(folder, "restored/sub/.gitignore"), "utf8"), "x\n");
  assert.ok(!existsSync(join(folder, "restored", packedGitignore)));
});
