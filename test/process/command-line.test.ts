import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { cliMain, compileCache, startCommand } from "../support/command-line.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "statigo-cli-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the real command from its source, in a folder of its own. */
function statigo(...args: string[]): { status: number | null; out: string; err: string } {
  const child = spawnSync(process.execPath, [cliMain, ...args], {
    cwd: folder,
    // The time zone that the templates' own Dockerfiles have.
    env: { PATH: process.env["PATH"], TZ: "Europe/London", ...compileCache },
    encoding: "utf8",
    timeout: 20_000,
  });
  return { status: child.status, out: child.stdout, err: child.stderr };
}

test("without a command the help text goes to stderr and the status is 2", () => {
  const { status, out, err } = statigo();
  assert.equal(status, 2);
  assert.equal(out, "");
  assert.match(err, /Usage: statigo <command>/);
});

test("--help lists every command and ends with status 0", () => {
  const { status, out } = statigo("--help");
  assert.equal(status, 0);
  for (const name of ["init", "serve", "server", "check", "hook", "services", "deploy", "freeze"])
    assert.match(out, new RegExp(`^ {2}${name} +\\S`, "m"));
});

test("--version says the versions of all parts", () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const lines = statigo("--version").out.trimEnd().split("\n");
  assert.equal(lines[0], `statigo ${version}`);
  assert.equal(lines.at(-1), `node ${process.versions.node}`);
  const parts = lines.map((line) => line.split(" ")[0]);
  assert.deepEqual(parts, ["statigo", "server", "native", "native", "scriptc", "hook", "node"]);
});

test("an unknown command is refused with the nearest one, status 2", () => {
  const { status, err } = statigo("inti");
  assert.equal(status, 2);
  assert.match(
    err,
    /^statigo: there is no command 'inti'\. Did you mean 'init'\? The commands are: init, image, serve, server, check, hook, agent, completion, services, [a-z, ]*unfreeze\.\n$/,
  );
});

test("an unknown option of a command is refused with its usage, status 2", () => {
  const { status, err } = statigo("init", "--force", "mustache");
  assert.equal(status, 2);
  assert.match(err, /'--force'.*Usage: statigo init \[template\] \[folder\]/s);
});

test("'help init' and 'init --help' say the same and list the templates", () => {
  const { status, out } = statigo("help", "init");
  assert.equal(status, 0);
  assert.match(out, /Templates: .*mustache/);
  assert.equal(statigo("init", "--help").out, out);
});

test("what asks a hook may be written behind 'hook' too, its help included", () => {
  const { status, out } = statigo("help", "freeze");
  assert.equal(status, 0);
  assert.match(out, /^Usage: statigo freeze <service> \[options\]$/m);
  assert.match(out, /^ {2}-u, --until TIME {2,}12h/m);
  assert.equal(statigo("help", "hook", "freeze").out, out);
  assert.equal(statigo("hook", "freeze", "--help").out, out);
});

const mistakes: [typed: string[], words: RegExp][] = [
  [["deploy", "blog"], /<tag> is missing\. Usage: statigo deploy <service> <tag>/],
  [["log", "1", "2"], /too many arguments: 2\. Usage: statigo log <id>/],
  [["log", "latest", "--url", "http://127.0.0.1:1", "--token", "t"], /'latest' is no deployment's number/],
  [["freeze", "blog", "--url", "http://127.0.0.1:1", "--token", "t"], /until when\?/],
  [
    ["freeze", "blog", "--until", "soon", "--url", "http://127.0.0.1:1", "--token", "t"],
    /--until soon is neither a duration/,
  ],
  [
    ["deploy", "blog", "v1", "--timeout", "soon", "--url", "http://127.0.0.1:1", "--token", "t"],
    /--timeout is not a duration/,
  ],
  [["services"], /which hook\? Name it with --url or STATIGO_HOOK_URL/],
  [["services", "--url", "http://127.0.0.1:1"], /which token\?/],
];
for (const [typed, words] of mistakes) {
  test(`'${typed.join(" ")}' is refused before anything is asked, status 2`, () => {
    const { status, out, err } = statigo(...typed);
    assert.equal(out, "");
    assert.match(err, words);
    assert.equal(status, 2);
  });
}

test("init copies a template with its dotfiles and says the next three commands", () => {
  const { status, out } = statigo("init", "mustache", "My Site");
  assert.equal(status, 0);
  const source = join(root, "templates/mustache");
  for (const file of ["Dockerfile", ".dockerignore", ".gitignore", "index.mustache", "public/404.html"]) {
    const copy = readFileSync(join(folder, "My Site", file));
    assert.deepEqual(copy, readFileSync(join(source, file)), file);
  }
  const commands = out.split("\n").filter((line) => line.startsWith("  "));
  assert.deepEqual(commands, [
    "  cd 'My Site'",
    "  docker build -t my-site .",
    "  docker run --rm -p 3000:3000 my-site",
  ]);
});

test("init fills a folder that exists and is empty", () => {
  mkdirSync(join(folder, "empty"));
  assert.equal(statigo("init", "mustache", "empty").status, 0);
  assert.ok(existsSync(join(folder, "empty/Dockerfile")));
});

test("init never overwrites: a folder with something in it is refused and left as it was", () => {
  mkdirSync(join(folder, "taken"));
  writeFileSync(join(folder, "taken/Dockerfile"), "mine");
  const { status, err } = statigo("init", "mustache", "taken");
  assert.equal(status, 2);
  assert.match(err, /'taken' has one file or folder in it already, and nothing is ever overwritten/);
  assert.equal(readFileSync(join(folder, "taken/Dockerfile"), "utf8"), "mine");
  assert.ok(!existsSync(join(folder, "taken/index.mustache")));
});

test("init refuses a file in the folder's place", () => {
  writeFileSync(join(folder, "file"), "");
  assert.match(
    statigo("init", "mustache", "file").err,
    /'file' is a file; name a folder that does not exist yet/,
  );
});

test("init names the nearest template and all that there are", () => {
  const { status, err } = statigo("init", "mustach");
  assert.equal(status, 2);
  assert.match(
    err,
    /there is no template 'mustach'\. Did you mean 'mustache'\? The templates are: .*mustache/,
  );
});

test("init without a template asks for one of those there are", () => {
  assert.match(statigo("init").err, /which template\? One of: .*mustache/);
});

test("init reports a folder that cannot be made in one line, status 1", () => {
  writeFileSync(join(folder, "not-a-folder"), "");
  const { status, err } = statigo("init", "mustache", "not-a-folder/site");
  assert.equal(status, 1);
  assert.match(err, /^statigo: \S+not-a-folder\/site cannot be written: ENOTDIR: .*; nothing was written\n$/);
});

test("an older Node is told apart, status 2, and no trace shown", () => {
  const older = "Object.defineProperty(process.versions, 'node', { value: '20.20.2' })";
  const child = spawnSync(
    process.execPath,
    ["--import", `data:text/javascript,${older}`, cliMain, "--help"],
    {
      encoding: "utf8",
    },
  );
  assert.deepEqual([child.status, child.stdout], [2, ""]);
  assert.match(child.stderr, /^statigo: this is Node 20\.20\.2, and statigo needs Node 24 or newer; .*\n$/);
});

test("what nobody reads any more ends quietly", async () => {
  const command = startCommand(["--help"]);
  command.child.stdout?.destroy();
  const { status, err } = await command.ended;
  assert.deepEqual([status, err], [0, ""]);
});
