import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { listTemplates, packedGitignore, readTemplate, renameEverywhere } from "../../../cli/templates.ts";

const folder = mkdtempSync(join(tmpdir(), "statigo-templates-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const template = join(folder, "templates/plain");
mkdirSync(join(template, "built/site"), { recursive: true });
mkdirSync(join(template, "sub"));
mkdirSync(join(folder, "templates/_parts"));
writeFileSync(join(template, ".gitignore"), "built/site/\nleft.lock\n");
writeFileSync(join(template, "sub/.gitignore"), "x\n");
writeFileSync(join(template, "index.html"), "hello");
writeFileSync(join(template, "left.lock"), "");
writeFileSync(join(template, "built/site/index.html"), "built");

const contents = () =>
  Object.fromEntries(readTemplate(template).map(({ path, content }) => [path, content.toString()]));
const expected = { ".gitignore": "built/site/\nleft.lock\n", "index.html": "hello", "sub/.gitignore": "x\n" };

test("every folder of the templates is one, but for the parts", () => {
  writeFileSync(join(folder, "templates/README.md"), "");
  assert.deepEqual(listTemplates(join(folder, "templates")), ["plain"]);
});

test("a template is its files, without what its own build made", () => {
  assert.deepEqual(contents(), expected);
});

test("a .gitignore packed under npm's nose is a .gitignore again", () => {
  renameEverywhere(template, ".gitignore", packedGitignore);
  assert.ok(!existsSync(join(template, ".gitignore")));
  assert.deepEqual(contents(), expected);
});
