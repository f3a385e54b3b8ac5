/** `statigo check` as a process: what a CI sees of it. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { startCommand, startOnTerminal } from "../support/command-line.ts";

const folder = mkdtempSync(join(tmpdir(), "statigo-check-"));
after(() => rmSync(folder, { recursive: true, force: true }));
for (const name of ["sound", "broken"]) mkdirSync(join(folder, name));
writeFileSync(join(folder, "sound/404.html"), "<a href='/404'>this</a>");
writeFileSync(join(folder, "broken/404.html"), "");
writeFileSync(join(folder, "broken/index.html"), '<a href="/no">');
writeFileSync(join(folder, "broken/_redirects"), "/a\n");

test("a sound site ends with status 0, a broken one with 1, each finding a line on stdout alone", async () => {
  const [sound, broken] = await Promise.all([
    startCommand(["check", join(folder, "sound")]).ended,
    startCommand(["check", `${join(folder, "broken")}/`]).ended,
  ]);
  assert.deepEqual(sound, {
    status: 0,
    out: `${folder}/sound: 1 file, 1 page, 1 reference: nothing found\n`,
    err: "",
  });
  const lines = [
    `${folder}/broken/_redirects:1:1: a rule is "from to", and a code or not: /a (rules)`,
    `${folder}/broken/index.html:1:4: /no is not there (broken-link)`,
    `${folder}/broken: 2 files, 2 pages, 1 reference: 2 findings`,
  ];
  assert.deepEqual(broken, { status: 1, out: `${lines.join("\n")}\n`, err: "" });
});

test("--json has the same for programs", async () => {
  const { status, out } = await startCommand(["check", join(folder, "broken"), "--json", "--skip=rules"])
    .ended;
  assert.equal(status, 1);
  assert.deepEqual(JSON.parse(out), {
    folder: join(folder, "broken"),
    findings: [{ kind: "broken-link", file: "index.html", line: 1, column: 4, message: "/no is not there" }],
    files: 2,
    pages: 2,
    references: 1,
  });
});

test("the folder that a site is made from is checked as it is, and said to be one", async () => {
  const app = join(folder, "app");
  mkdirSync(join(app, "dist"), { recursive: true });
  writeFileSync(join(app, "package.json"), '{"devDependencies":{"vite":"8"}}');
  const { err } = await startCommand(["check", app]).ended;
  assert.match(
    err,
    /app is what a site is made from \(a Vite single-page app\); .*statigo check \S+dist --spa\n$/,
  );
});

test("wrong usage ends with status 2; on a terminal the outcome is coloured", async () => {
  const [missing, unknown, terminal] = await Promise.all([
    startCommand(["check", join(folder, "nowhere")]).ended,
    startCommand(["check", folder, "--fix"]).ended,
    startOnTerminal(["check", join(folder, "sound")], 100).ended,
  ]);
  assert.match(missing.err, /nowhere' can't be read/);
  assert.match(unknown.err, /Unknown option '--fix'/);
  assert.deepEqual([missing.status, unknown.status], [2, 2]);
  assert.ok(terminal.out.includes("\x1b[32mnothing found\x1b[39m"), terminal.out);
});
