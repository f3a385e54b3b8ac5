/** What `npm pack` makes, installed where nothing else of the repository is. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import packageJson from "../../package.json" with { type: "json" };
import { eventually } from "../support/demo.ts";
import { freePorts } from "../support/free-port.ts";

const execute = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const parts = ["dist/cli.js", "dist/hook.js", "dist/native/statigo"];
const missing = parts.filter((part) => !existsSync(join(root, part)));
const skip = missing.length > 0 && `not built: ${missing.join(", ")} (npm run build && npm run build:native)`;
/** 0.7 MB the hook, 0.36 MB the server for two kinds of processors, the rest command, agent, templates and docs. */
const packedBudgetBytes = 1_900_000;

test("the package needs no other: what is bundled stands under devDependencies", () => {
  assert.ok(
    !("dependencies" in packageJson),
    "npm install --save-exact -D, since esbuild puts it into dist/",
  );
});

describe("the package, installed in a clean folder", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), "statigo-package-"));
  const installed = join(folder, "app/node_modules/statigo");
  const env = {
    PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter),
    HOME: folder,
    npm_config_cache: join(folder, "cache"),
  };
  const run = (file: string, args: string[]) =>
    execute(file, args, { cwd: join(folder, "app"), env, timeout: 60_000 });
  const statigo = (...args: string[]) => run("npx", ["--offline", "statigo", ...args]);
  let tarball = "";

  before(async () => {
    mkdirSync(join(folder, "app"));
    writeFileSync(join(folder, "app/package.json"), "{}");
    // Without prepack: other tests use dist/ now, which it would make anew.
    const { stdout } = await execute(
      "npm",
      ["pack", "--ignore-scripts", "--json", "--pack-destination", folder],
      {
        cwd: root,
        env,
      },
    );
    tarball = join(folder, JSON.parse(stdout)[0].filename);
    // Offline: whatever the package had to fetch would fail here.
    await run("npm", ["install", "--offline", "--no-audit", "--no-fund", tarball]);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("is small, and brings nothing else along", () => {
    assert.ok(statSync(tarball).size <= packedBudgetBytes, `${statSync(tarball).size} bytes`);
    assert.deepEqual(readdirSync(join(folder, "app/node_modules")).sort(), [
      ".bin",
      ".package-lock.json",
      "statigo",
    ]);
  });

  test("holds what is needed, and neither tests nor sources", () => {
    const files = readdirSync(installed, { recursive: true }).map(String);
    for (const file of [
      "LICENSE",
      "README.md",
      "hook.example.yaml",
      "hook/observability/alerts.yml",
      "dist/THIRD-PARTY.txt",
    ])
      assert.ok(files.includes(file), file);
    assert.deepEqual(
      files.filter((file) => /\.(ts|map)$|^test\b|^bench\b|^server\b/.test(file)),
      [],
    );
  });

  test("names everyone whose code is in it", () => {
    const notices = readFileSync(join(installed, "dist/THIRD-PARTY.txt"), "utf8");
    for (const name of ["fastify", "zod", "nodemailer", "leven", "@scriptc/runtime", "musl libc"])
      assert.match(notices, new RegExp(`^${name}(?: [\\d.]+)?: \\S+`, "m"));
  });

  test("has bills of materials with the same names, and the native server's own with its hash", async () => {
    const notices = readFileSync(join(installed, "dist/THIRD-PARTY.txt"), "utf8");
    const read = (file: string) => readFileSync(join(installed, file), "utf8");
    const namesIn = (file: string) =>
      JSON.parse(read(file)).components.map(
        (part: { name: string; version: string }) => `${part.name} ${part.version}`,
      );
    const titles = [...notices.matchAll(/^(\S+ \d\S*): [\w(]/gm)].map(([, title]) => title);
    const native = "dist/native/statigo.cdx.json";
    const runtime = namesIn(native).filter((name: string) => name.startsWith("@scriptc/"));
    assert.deepEqual([...namesIn("dist/sbom.cdx.json"), ...runtime].sort(), titles.sort());
    for (const file of ["dist/sbom.cdx.json", native])
      assert.equal(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(read(file)), null);
    const binary = createHash("sha256").update(readFileSync(join(installed, "dist/native/statigo")));
    assert.equal(JSON.parse(read(native)).metadata.component.hashes[0].content, binary.digest("hex"));
  });

  test("the native server in it runs", async () => {
    const { stdout } = await run(join(installed, "dist/native/statigo"), ["--version"]);
    assert.equal(stdout, `statigo ${packageJson.version}\n`);
  });

  test("serve and check work on a site, and --open opens it in the user's browser", async () => {
    const site = join(folder, "site");
    const programs = join(folder, "programs");
    const opened = join(folder, "opened.txt");
    for (const made of [site, programs]) mkdirSync(made);
    writeFileSync(join(site, "404.html"), "<h1>Lost</h1>");
    writeFileSync(join(programs, "xdg-open"), `#!/bin/sh\necho "$1" >'${opened}'\n`, { mode: 0o755 });
    assert.match((await statigo("check", site)).stdout, /: nothing found\n$/);
    const [port = 0] = await freePorts(1);
    const child = spawn(
      join(folder, "app/node_modules/.bin/statigo"),
      ["serve", site, "--open", "-p", String(port)],
      {
        env: { ...env, PATH: [programs, env.PATH].join(delimiter) },
        stdio: "ignore",
      },
    );
    try {
      const url = await eventually(
        "it is opened",
        () => (existsSync(opened) && readFileSync(opened, "utf8").trim()) || undefined,
      );
      assert.equal(url, `http://127.0.0.1:${port}/`);
      const answer = await fetch(url, { headers: { accept: "text/html" } });
      assert.match(await answer.text(), /^<h1>Lost<\/h1><script /);
    } finally {
      child.kill("SIGTERM");
    }
    assert.deepEqual(await once(child, "close"), [0, null]);
  });

  test("the commands' main paths work there", async () => {
    const site = join(folder, "app/hello");
    await statigo("init", "html", "hello", "--yes");
    assert.ok(readdirSync(site).includes("Dockerfile"));
    await statigo(
      "image",
      "build",
      "hello",
      "-o",
      "hello.tar",
      "--quiet",
      "--platform",
      "linux/amd64,linux/arm64",
    );
    assert.match((await statigo("image", "inspect", "hello.tar")).stdout, /sha256:/);
    assert.match((await statigo("completion", "bash")).stdout, /complete -o default -F _statigo statigo/);
    assert.match((await statigo("hook", "secret", "new")).stdout, /^\S{20,}\n/);
    assert.match((await statigo("agent", "--help")).stdout, /--etcd-nodes/);
    assert.match((await statigo("server", "--check", "--root-dir", site)).stdout, /files?, /);
    const config =
      'services: { blog: { image: a/b, secret: secret-secret-secret, target: { command: { run: ["true"] } } } }';
    writeFileSync(join(folder, "app/hook.yaml"), `store: ./hook.db\n${config}\n`);
    assert.match((await statigo("hook", "--check")).stdout, /good; services: blog/);
    const refused = await statigo("services", "--url", "http://127.0.0.1:1", "--token", "x").catch(
      (error) => error,
    );
    assert.equal(refused.code, 3);
  });

  test("npx statigo says its version", async () => {
    assert.match((await statigo("--version")).stdout, new RegExp(`^statigo ${packageJson.version}\n`));
  });
});
