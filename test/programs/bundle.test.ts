import assert from "node:assert/strict";
import { isAscii } from "node:buffer";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import packageJson from "../../package.json" with { type: "json" };
import { eventually } from "../support/demo.ts";
import { freePorts } from "../support/free-port.ts";

const execute = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const skip = existsSync(join(root, "dist/cli.js")) ? false : "dist/cli.js is not built: npm run build";

const config = `
store: ./hook.db
services:
  blog:
    image: stut/blog
    secret: secret-secret-secret
    target: { command: { run: ["true"] } }
`;

describe("the bundles, copied to a folder without node_modules", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), "statigo-bundle-"));
  const statigo = join(folder, "dist/cli.js");
  // The shebang finds the Node that runs this test.
  const env = { ...process.env, PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter) };
  const run = (args: string[]) => execute(statigo, args, { cwd: folder, env, timeout: 20_000 });

  before(() => cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true }));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("the command runs by its own name and says its version, and nothing on stderr", async () => {
    const { stdout, stderr } = await run(["--version"]);
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines[0], `statigo ${packageJson.version}`);
    assert.equal(lines.at(-1), `node ${process.versions.node}`);
    const parts = lines.map((line) => line.split(" ")[0]);
    assert.deepEqual(parts, ["statigo", "server", "native", "native", "scriptc", "hook", "node"]);
    assert.equal(stderr, "");
  });

  test("what runs for long is of ASCII alone, which V8 holds in a byte a character", () => {
    for (const name of ["hook.js", "agent.js", "statigo.js"])
      assert.ok(isAscii(readFileSync(join(folder, "dist", name))), name);
  });

  test("init copies the templates that lie beside it, .gitignore included", async () => {
    await run(["init", "jekyll", "blog", "--timezone", "Europe/London"]);
    for (const file of ["Dockerfile", ".dockerignore", ".gitignore", "_config.yml"]) {
      const copied = readFileSync(join(folder, "blog", file), "utf8");
      assert.equal(copied, readFileSync(join(root, "templates/jekyll", file), "utf8"), file);
    }
    assert.ok(!existsSync(join(folder, "blog/_gitignore")));
  });

  test("hook --check reads a configuration", async () => {
    writeFileSync(join(folder, "hook.yaml"), config);
    assert.equal((await run(["hook", "--check"])).stdout, "hook.yaml: good; services: blog\n");
  });

  test("the exit status of the hook is the command's", async () => {
    const failure = await run(["hook", "--config", "missing.yaml"]).catch((error) => error);
    assert.equal(failure.code, 2);
    assert.match(failure.stderr, /missing\.yaml/);
  });

  test("server serves a folder until SIGTERM", async () => {
    const [port = 0] = await freePorts(1);
    writeFileSync(join(folder, "index.html"), "<h1>Hello</h1>");
    const child = spawn(statigo, ["server", ".", "-listen-addr", `127.0.0.1:${port}`], { cwd: folder, env });
    const ended = once(child, "exit");
    try {
      const page = await eventually("a page", async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
        return answer?.text();
      });
      assert.equal(page, "<h1>Hello</h1>");
    } finally {
      child.kill("SIGTERM");
    }
    assert.deepEqual(await ended, [0, null]);
  });
});
