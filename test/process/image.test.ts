/** `statigo image` as a person types it, with a real registry. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { cliMain, startCommand, startOnTerminal } from "../support/command-line.ts";
import { until } from "../support/hook.ts";
import { createImageCommand } from "../support/image-command.ts";
import {
  createCertificate,
  passwordAuth,
  type Registry,
  registryMissing,
  registryUser,
  startRegistry,
} from "../support/registry.ts";
import { type RegistryProxy, startRegistryProxy } from "../support/registry-proxy.ts";
import { siteImageMissing } from "../support/site-image.ts";
import { identityToken, startTokenServer, type TokenServer } from "../support/token-server.ts";

const command = createImageCommand();
const { folder, must, run } = command;
after(() => {
  assert.deepEqual(command.leftovers(), [], "every command takes its temporary folder away");
  command.remove();
});

const page = "<!doctype html><title>Hello</title><h1>Hello</h1>";
const site = command.site("site", { "index.html": page, "css/site.css": "body { color: red }" });
const at = (name: string) => join(folder, name);

interface Description {
  digest: string;
  mediaType: string;
  platforms: {
    platform: string;
    manifest: {
      layers: { digest: string; mediaType: string; size: number }[];
      annotations: Record<string, string>;
    };
    config: { created: string; config: { Labels: Record<string, string>; Cmd?: string[]; Env?: string[] } };
  }[];
}

async function inspect(...args: string[]): Promise<Description> {
  return JSON.parse(await must("inspect", "--json", ...args));
}

describe("statigo image build", { skip: siteImageMissing }, () => {
  test("writes the same image of the same files, whatever their times, modes and umask, and where they lie", async () => {
    const copy = join(mkdtempSync(at("elsewhere-")), "a copy");
    cpSync(site, copy, { recursive: true });
    chmodSync(join(copy, "index.html"), 0o600);
    chmodSync(join(copy, "css"), 0o711);
    utimesSync(join(copy, "css/site.css"), 1_000_000, 2_000_000);
    const mask = process.umask(0o077);
    try {
      const digests = [
        await must("build", site, "-o", at("one.tar")),
        await must("build", copy, "-o", at("other.tar")),
      ];
      assert.equal(digests[0], digests[1]);
    } finally {
      process.umask(mask);
    }
    assert.deepEqual(readFileSync(at("one.tar")), readFileSync(at("other.tar")));
    // A layout has it under the same digest, and so has a build that remembers nothing.
    rmSync(at(".cache"), { recursive: true, force: true });
    const layout = await must("build", site, "-o", at("layout"));
    assert.equal(layout, (await inspect(at("one.tar"))).digest);
  });

  test("says what it wrote and what comes next, and prints the digest alone", async () => {
    const building = command.start("build", site, "-t", "stut/blog:v1", "-o", at("said.tar"));
    const { status, out, err } = await building.ended;
    assert.equal(status, 0);
    assert.match(out, /^sha256:[0-9a-f]{64}\n$/);
    assert.match(
      err,
      /^site: built\nwritten to .*said\.tar\nnext: docker load -i .*said\.tar, or statigo image push .*said\.tar stut\/blog:v1\n$/,
    );
    const json = JSON.parse(await must("build", site, "-t", "stut/blog:v1", "-o", at("said.tar"), "--json"));
    assert.deepEqual([json.digest, json.output, json.tags], [out.trim(), at("said.tar"), ["stut/blog:v1"]]);
  });

  test("puts labels, annotations, arguments and the time into the image", async () => {
    const labels = [
      "--label",
      "team=web",
      "--label",
      "org.opencontainers.image.title=A = B",
      "--annotation",
      "note=x",
    ];
    const more = ["--created", "2026-12-24T18:00:00Z", "--arg=--spa", "--arg=--no-metrics"];
    await must("build", site, "-o", at("labels.tar"), ...labels, ...more);
    const [image] = (await inspect(at("labels.tar"))).platforms;
    const title = { "org.opencontainers.image.title": "A = B" };
    assert.deepEqual(image?.config.config.Labels, { ...title, team: "web" });
    const created = { "org.opencontainers.image.created": "2026-12-24T18:00:00Z" };
    assert.deepEqual(image?.manifest.annotations, { note: "x", ...created, ...title });
    assert.equal(image?.config.created, "2026-12-24T18:00:00Z");
    assert.deepEqual(image?.config.config.Cmd, ["--spa", "--no-metrics"]);
  });

  test("takes the commit, the tag, the origin without its password, and the time from git", async () => {
    const repository = command.site("repository", { "public/index.html": page });
    const { execFileSync } = await import("node:child_process");
    const settings = ["-c", "user.name=x", "-c", "user.email=x@example.org"];
    const git = (...args: string[]) =>
      execFileSync("git", [...settings, ...args], {
        cwd: repository,
        env: { ...process.env, GIT_COMMITTER_DATE: "2026-01-02T03:04:05Z", HOME: folder },
      }).toString();
    git("init", "--quiet");
    git("add", ".");
    git("commit", "--quiet", "-m", "x");
    git("tag", "v1.2.3");
    git("remote", "add", "origin", "https://user:password@git.example.org/acme/site");
    await must("build", join(repository, "public"), "--git", "-o", at("git.tar"));
    const [image] = (await inspect(at("git.tar"))).platforms;
    assert.deepEqual(image?.config.config.Labels, {
      "org.opencontainers.image.revision": git("rev-parse", "HEAD").trim(),
      "org.opencontainers.image.source": "https://git.example.org/acme/site",
      "org.opencontainers.image.version": "v1.2.3",
    });
    assert.equal(image?.config.created, "2026-01-02T03:04:05Z");
  });

  for (const [kind, mediaType] of [
    ["zstd", "application/vnd.oci.image.layer.v1.tar+zstd"],
    ["none", "application/vnd.oci.image.layer.v1.tar"],
  ] as const) {
    test(`makes layers by ${kind}, which unpack to the site`, async () => {
      await must("build", site, "--compression", kind, "-o", at(`${kind}.tar`));
      assert.ok(readFileSync(at(`${kind}.tar`)).includes(`"${mediaType}"`));
      await must("pull", at(`${kind}.tar`), "--site", at(`${kind}-site`));
      assert.equal(readFileSync(join(at(`${kind}-site`), "index.html"), "utf8"), page);
      assert.deepEqual(readdirSync(at(`${kind}-site`)).sort(), ["css", "index.html"]);
    });
  }

  test("adds compressed files in the image, where they save bytes, and none in the folder", async () => {
    const noise = createHash("sha512").update("x").digest();
    const large = command.site("large", {
      "index.html": "hello world, ".repeat(2000),
      "tiny.html": "tiny",
      "photo.jpg": Buffer.concat(
        Array.from({ length: 50 }, (_, index) =>
          createHash("sha512").update(noise).update(String(index)).digest(),
        ),
      ),
      "own.js": "let x = 1;\n".repeat(500),
      "own.js.br": "made by the site's own build",
      _headers: "/*\n  X-Test: 1\n".repeat(100),
    });
    const files = readdirSync(large);
    await must("build", large, "--compress", "-o", at("compressed.tar"));
    assert.deepEqual(readdirSync(large), files);
    const out = at("compressed-site");
    await must("pull", at("compressed.tar"), "--site", out);
    const added = ["index.html.br", "index.html.gz", "index.html.zst", "own.js.gz", "own.js.zst"];
    assert.deepEqual(readdirSync(out).sort(), [...files, ...added].sort());
    const read = (name: string) => readFileSync(join(out, name));
    const original = read("index.html").toString();
    assert.equal(brotliDecompressSync(read("index.html.br")).toString(), original);
    assert.equal(zstdDecompressSync(read("index.html.zst")).toString(), original);
    assert.equal(gunzipSync(read("index.html.gz")).toString(), original);
    assert.equal(read("own.js.br").toString(), "made by the site's own build");
  });

  test("leaves out what begins with a dot and what .dockerignore and --exclude say", async () => {
    const kept = command.site("kept", {
      "index.html": page,
      ".env": "secret",
      ".well-known/security.txt": "x",
      ".dockerignore": "drafts\n!drafts/a.html\n*.map\n",
      "drafts/a.html": "a",
      "drafts/b.html": "b",
      "site.js.map": "{}",
      "notes.txt": "x",
    });
    await must("build", kept, "--exclude", "notes.txt", "-o", at("kept.tar"));
    await must("pull", at("kept.tar"), "--site", at("kept-site"));
    const found = readdirSync(at("kept-site"), { recursive: true }).map(String).sort();
    assert.deepEqual(found, [
      ".well-known",
      ".well-known/security.txt",
      "drafts",
      "drafts/a.html",
      "index.html",
    ]);
  });

  test("runs the build of a folder that a site is made from, and takes what it writes", async () => {
    const source = command.site("source", {
      "package.json": JSON.stringify({
        scripts: { build: "mkdir -p _site && cp page.txt _site/index.html" },
      }),
      "page.txt": page,
      "node_modules/keep": "",
    });
    const { status, err } = await run("build", source, "-o", at("source.tar"));
    assert.equal(status, 0, err);
    assert.match(err, /source is what a site is made from: running npm run build \(--as-is takes/);
    await must("pull", at("source.tar"), "--site", at("source-site"));
    assert.deepEqual(readdirSync(at("source-site")), ["index.html"]);
    writeFileSync(join(source, "package.json"), JSON.stringify({ scripts: { build: "exit 3" } }));
    const failed = await run("build", source, "-o", at("source.tar"));
    assert.equal(failed.status, 1);
    assert.match(failed.err, /npm run build ended with status 3/);
    await must("build", source, "--as-is", "-o", at("as-is.tar"));
  });

  test("gives the server of a single-page app what its Dockerfile gives it, and no other", async () => {
    const build = "mkdir -p dist && cp index.html dist";
    const app = command.site("app", {
      "package.json": JSON.stringify({ devDependencies: { vite: "8" }, scripts: { build } }),
      "index.html": page,
      "node_modules/keep": "",
    });
    const variables = async (...args: string[]) => {
      await must("build", ...args, "-o", at("app.tar"));
      return (await inspect(at("app.tar"))).platforms[0]?.config.config.Env ?? [];
    };
    const [path, ...more] = await variables(app);
    assert.match(path ?? "", /^PATH=/);
    assert.deepEqual(more, ["STATIGO_SPA=true"]);
    assert.match(await must("inspect", at("app.tar")), /^Variables: +STATIGO_SPA=true$/m);
    assert.deepEqual(await variables(site), [path]);
    // Of the finished folder alone it cannot be known for sure: that is said, and nothing done.
    const finished = await run("build", join(app, "dist"), "-o", at("app.tar"));
    assert.match(finished.err, /notice: this is a Vite single-page app, .*: --arg=--spa\n/);
    const told = await run("build", join(app, "dist"), "--arg=--spa", "-o", at("app.tar"));
    assert.doesNotMatch(told.err, /notice/);
    // On a base that has it already it stands once.
    await must("build", app, "-o", at("app-base.tar"));
    assert.deepEqual(await variables(app, "--from", at("app-base.tar")), [path, "STATIGO_SPA=true"]);
  });

  test("takes pages out of public, as the template of plain pages has them", async () => {
    const plain = command.site("plain", { "public/index.html": page, "deploy/hook.yaml": "secret" });
    const { status, err } = await run("build", plain, "-o", at("plain.tar"));
    assert.equal(status, 0, err);
    assert.match(err, /plain has its pages in public, which is taken/);
    await must("pull", at("plain.tar"), "--site", at("plain-site"));
    assert.deepEqual(readdirSync(at("plain-site")), ["index.html"]);
  });

  /** A package manager that does what it is told by being told it. */
  function standIn(name: string): void {
    const file = join(at("programs"), name);
    mkdirSync(at("programs"), { recursive: true });
    const lines = [
      "#!/bin/sh",
      `echo "$@" >> ${name}.log`,
      '[ "$1" != run ] || { mkdir -p "$OUT"; cp page.txt "$OUT/index.html"; }',
    ];
    writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o755 });
  }

  const managed: [what: string, manager: string, files: Record<string, string>, out: string, log: string][] =
    [
      [
        "by pnpm where its lock file is",
        "pnpm",
        { "package.json": '{"dependencies":{"astro":"7"},"scripts":{"build":"x"}}', "pnpm-lock.yaml": "" },
        "dist",
        "install --frozen-lockfile\nrun build\n",
      ],
      [
        "by yarn where its lock file is",
        "yarn",
        { "package.json": '{"scripts":{"build":"x"}}', "yarn.lock": "" },
        "build",
        "install --frozen-lockfile\nrun build\n",
      ],
      [
        "of Nuxt by the script generate",
        "npm",
        { "package.json": '{"dependencies":{"nuxt":"4"},"scripts":{"build":"x","generate":"x"}}' },
        ".output/public",
        "install --no-package-lock\nrun generate\n",
      ],
    ];
  for (const [what, manager, files, out, log] of managed) {
    test(`builds a site ${what}`, async () => {
      standIn(manager);
      const source = command.site(`by-${manager}`, { ...files, "page.txt": page });
      const { PATH: path = "" } = process.env;
      Object.assign(command.environment, { PATH: `${at("programs")}:${path}`, OUT: out });
      try {
        await must("build", source, "-o", at("managed.tar"));
      } finally {
        command.environment["PATH"] = path;
      }
      assert.equal(readFileSync(join(source, `${manager}.log`), "utf8"), log);
      rmSync(at("managed"), { recursive: true, force: true });
      await must("pull", at("managed.tar"), "--site", at("managed"));
      assert.deepEqual(readdirSync(at("managed")), ["index.html"]);
    });
  }

  test("takes the output of before where a build finds it up to date", async () => {
    const build = "test -e dist/index.html || { mkdir dist && cp page.txt dist/index.html; }";
    const lazy = command.site("lazy", {
      "package.json": JSON.stringify({ scripts: { build } }),
      "page.txt": page,
      "node_modules/keep": "",
    });
    const digest = await must("build", lazy, "-o", at("lazy.tar"));
    const longAgo = new Date("2026-01-01");
    utimesSync(join(lazy, "dist/index.html"), longAgo, longAgo);
    // A folder's time of change cannot be set: another one in its place has one of now, so the whole is older.
    await until("the folder is older than a build's clock may be wrong", () => {
      const { ctimeMs } = statSync(join(lazy, "dist"));
      return Date.now() - ctimeMs > 2100;
    });
    const second = await run("build", lazy, "-o", at("lazy.tar"));
    assert.equal(second.out.trim(), digest, second.err);
    assert.match(second.err, /npm run build left dist as it was, which is taken/);
  });

  test("says what is wrong with a package.json, and with one that lacks the script", async () => {
    const broken = command.site("broken-json", { "package.json": "{", "index.html": page });
    const unread = await run("build", broken, "-o", at("x.tar"));
    assert.equal(unread.status, 2);
    assert.match(unread.err, /broken-json\/package\.json is not JSON: /);
    const without = command.site("no-script", { "package.json": '{"dependencies":{"astro":"7"}}' });
    const { status, err } = await run("build", without, "-o", at("x.tar"));
    assert.equal(status, 2);
    assert.match(err, /made with Astro, but its package\.json has no script 'build'/);
  });

  test("puts the site on another base, into its working directory, from a tar file and from a layout", async () => {
    await must("build", site, "-o", at("base.tar"), "--label", "from=base");
    await must("build", site, "-o", at("base-layout"));
    const second = command.site("second", { "second.html": "second" });
    for (const base of ["base.tar", "base-layout"]) {
      await must("build", second, "--from", at(base), "-o", at("above.tar"), "--label", "own=1");
      rmSync(at("above"), { recursive: true, force: true });
      await must("pull", at("above.tar"), "--site", at("above"));
      assert.deepEqual(readdirSync(at("above")).sort(), ["css", "index.html", "second.html"]);
    }
    const [image] = (await inspect(at("above.tar"))).platforms;
    assert.equal(image?.config.config.Labels["own"], "1");
    assert.equal(image?.manifest.layers.length, 3);
    const wrong = await run(
      "build",
      second,
      "--from",
      at("base.tar"),
      "--platform",
      "linux/arm64",
      "-o",
      at("x.tar"),
    );
    assert.match(wrong.err, /the base image from .* is for "amd64", not for arm64/);
  });

  test("keeps other images of a layout, and replaces the one of the same name", async () => {
    const layout = at("several");
    const first = await must("build", site, "-t", "stut/blog:v1", "-o", layout);
    const other = command.site("other", { "index.html": "other" });
    const second = await must("build", other, "-t", "stut/blog:v2", "-o", layout);
    const third = await must("build", other, "-t", "stut/blog:v1", "-o", layout, "--label", "a=b");
    assert.equal((await inspect(`${layout}:v2`)).digest, second);
    assert.equal((await inspect(`${layout}:v1`)).digest, third);
    assert.notEqual(first, third);
    const { status, err } = await run("inspect", layout);
    assert.equal(status, 1);
    assert.match(err, /has several images: put : and one of v2, v1 behind its path/);
  });

  test("begun in the site's own folder puts no image into the site, neither its own nor one of before", async () => {
    const own = command.site("own-folder", { "index.html": page, "backup.tar": "no image" });
    const here = async (...args: string[]) => {
      const { status, out, err } = await startCommand(["image", ...args], command.environment, own).ended;
      assert.equal(status, 0, err);
      return { digest: out.trim(), err };
    };
    const { digest } = await here("build", ".");
    assert.ok(existsSync(join(own, "own-folder.tar")));
    assert.equal((await here("build", ".")).digest, digest);
    await here("build", ".", "--format", "layout");
    const elsewhere = await here("build", ".", "-o", at("elsewhere.tar"));
    assert.equal(elsewhere.digest, digest);
    assert.match(elsewhere.err, /warning: "own-folder\.tar" is an image, and no part of the site: left out/);
    assert.match(elsewhere.err, /warning: "own-folder" is an image/);
    await must("pull", at("elsewhere.tar"), "--site", at("own-folder-site"));
    assert.deepEqual(readdirSync(at("own-folder-site")).sort(), ["backup.tar", "index.html"]);
    // By another way to the same folder, too.
    symlinkSync(own, at("own-link"));
    assert.equal(await must("build", own, "-o", join(at("own-link"), "again.tar")), digest);
    assert.equal(await must("build", own, "-o", join(at("own-link"), "again.tar")), digest);
  });

  test("writes over an image, and over nothing else", async () => {
    const precious = at("precious.tar");
    for (const content of ["my diary", readFileSync(join(site, "index.html"))]) {
      writeFileSync(precious, content);
      const { status, err } = await run("build", site, "-o", precious);
      assert.equal(status, 1);
      assert.match(err, /precious\.tar is there and is no archive of images, which alone are written over/);
      assert.deepEqual(readFileSync(precious), Buffer.from(content));
    }
    writeFileSync(precious, "");
    await must("build", site, "-o", precious);
    await must("build", site, "-o", precious);
  });

  test("goes on in a layout that a build left that was ended midway", async () => {
    await must("build", site, "-o", at("midway"));
    for (const name of ["index.json", "oci-layout"]) rmSync(join(at("midway"), name));
    await must("build", site, "-o", at("midway"));
    await must("inspect", at("midway"));
  });

  test("of a tar file or layout without a name is not taken by one", async () => {
    for (const name of ["unnamed.tar", "unnamed"]) {
      await must("build", site, "-o", at(name));
      const { status, err } = await run("inspect", `${at(name)}:v9`);
      assert.equal(status, 1);
      assert.match(err, /has an image without a name: leave :v9 out/);
      await must("inspect", at(name));
    }
  });

  const mistakes: [what: string, args: string[], status: number, words: RegExp][] = [
    ["no folder", ["build"], 2, /which folder\? Usage: statigo image build <folder>/],
    ["a folder that is not there", ["build", at("nowhere")], 2, /nowhere' is not there/],
    ["a file", ["build", join(site, "index.html")], 2, /index\.html' is a file; name the folder of the site/],
    ["a name that is none", ["build", site, "-t", "Stut/Blog"], 2, /'Stut\/Blog' not an image repository/],
    ["a tag that is none", ["build", site, "-t", "blog:a b"], 2, /'blog:a b' "a b" is not a tag/],
    [
      "a compression that is none",
      ["build", site, "--compression", "xz"],
      2,
      /--compression is gzip, zstd or none, not 'xz'/,
    ],
    [
      "a level that is none",
      ["build", site, "--level", "10"],
      2,
      /--level of gzip is a number from 1 to 9, not '10'/,
    ],
    ["a label without a value", ["build", site, "--label", "x"], 2, /--label is KEY=VALUE, not 'x'/],
    [
      "a time that is none",
      ["build", site, "--created", "soon"],
      2,
      /--created is a time as 2026-12-24T18:00:00Z/,
    ],
    [
      "a platform without a server",
      ["build", site, "--platform", "linux/s390x"],
      1,
      /not built for 'linux\/s390x', only for linux\/amd64/,
    ],
    [
      "an output with other things in it",
      ["build", site, "-o", site],
      1,
      /has other things in it and is no OCI layout/,
    ],
    [
      "a size that is less than the site",
      ["build", site, "--max-size", "10"],
      1,
      /has \d+ bytes up to ".*", more than 10 bytes; --max-size allows more/,
    ],
    ["an unknown command", ["biuld"], 2, /there is no 'image biuld'\. Did you mean 'build'\?/],
    [
      "a password in the arguments",
      ["push", site, "x/y:z", "--username", "a"],
      2,
      /--username and --password-stdin go together/,
    ],
    ["no place to push to", ["push", site], 2, /where to\? Usage/],
    ["two repositories", ["push", site, "a/b:c", "a/d:c"], 2, /one push goes to one repository/],
    ["a tag too many", ["build", site, "-t", "foo:bar:baz"], 2, /'foo:bar:baz' has more than one tag/],
    [
      "a URL",
      ["build", site, "-t", "https://reg.example/blog:v1"],
      2,
      /'https:\/\/reg\.example\/blog:v1' has https:\/\/ in front; leave that out/,
    ],
    ["the standard output", ["build", site, "-o", "-"], 2, /not written to the standard output/],
    [
      "a file in a folder that is not there",
      ["build", site, "-o", at("nowhere/x.tar")],
      1,
      /there is no folder \S+nowhere to write x\.tar to/,
    ],
    [
      "a folder for a file",
      ["build", site, "--format", "tar", "-o", site],
      1,
      /site is a folder, where an archive/,
    ],
    [
      "a layout where none can be made",
      ["build", site, "-q", "-o", "/proc/layout"],
      1,
      /\/proc\/layout cannot be written: /,
    ],
    [
      "an argument that is no flag",
      ["build", site, "--arg", "spa"],
      2,
      /--arg: "spa" is not a flag.*; a flag of the server is given as --arg=--spa/,
    ],
    [
      "a flag that the server does not have",
      ["build", site, "--arg=--no-such"],
      2,
      /--arg: unknown flag --no-such/,
    ],
    [
      "an authority that is not there",
      ["push", site, "reg.example/x:v1", "--ca", at("nope.pem")],
      2,
      /--ca \S+nope\.pem: there is no such file/,
    ],
    [
      "a folder that is not there to push",
      ["push", "nofolder", "reg.example/x:v1"],
      2,
      /there is no folder and no file 'nofolder' here; an image on Docker Hub is written nofolder:latest/,
    ],
    [
      "two words without a tag",
      ["inspect", "no/folder"],
      2,
      /there is no folder and no file 'no\/folder' here/,
    ],
    [
      "a tar file that is not there",
      ["pull", "big.tar:v9"],
      2,
      /'big\.tar' is not there: neither a folder nor a file/,
    ],
    ["an image that is no file", ["inspect", "./nothing.tar"], 2, /'\.\/nothing\.tar' is not there/],
    ["a folder that is no image", ["inspect", site], 2, /is a folder, and no OCI layout/],
    [
      "a file that is no image",
      ["inspect", join(site, "index.html")],
      1,
      /is not a whole tar archive|has no|not there/,
    ],
  ];
  for (const [what, args, status, words] of mistakes) {
    test(`refuses ${what} in one line`, async () => {
      const found = await run(...args);
      assert.match(found.err, words);
      assert.equal(found.status, status);
      assert.equal(found.err.trim().split("\n").length, 1, found.err);
      assert.equal(found.out, "");
    });
  }

  test("shows bars on a terminal, and the digest below them", async () => {
    const big = command.site("bars", { "index.html": page, "a.txt": Buffer.alloc(60_000_000, "a picture ") });
    const bars = startOnTerminal(["image", "build", big, "-o", at("bars.tar")], 70, command.environment);
    const { status, out } = await bars.ended;
    assert.equal(status, 0);
    assert.match(out, /pages 4\/4 +[█░]{24} +\d+% {2}[\d.]+ of 60\.0 MB/);
    assert.match(out, /\nsha256:[0-9a-f]{64}\r\n/);
  });
});

describe("statigo image push and pull", { skip: siteImageMissing || registryMissing }, () => {
  let registry: Registry;
  let proxy: RegistryProxy;
  before(async () => {
    registry = await startRegistry();
    proxy = await startRegistryProxy(registry.host);
  });
  after(async () => {
    await proxy?.stop();
    await registry?.stop();
  });

  test("bring a folder to a registry and back", async () => {
    const image = `${registry.host}/acme/blog`;
    const digest = await must("push", site, `${image}:v1`, `${image}:latest`);
    assert.equal((await inspect(image)).digest, digest);
    assert.equal((await inspect(`${image}@${digest}`)).digest, digest);
    const { out } = await run("inspect", `${image}:v1`);
    assert.match(out, /^Entrypoint: +\/statigo -root-dir \/www$/m);
    await must("pull", `${image}:v1`, "--site", at("back"));
    assert.equal(readFileSync(at("back/index.html"), "utf8"), page);
    assert.equal(await must("pull", `${image}:v1`, "-o", at("back.tar")), digest);
    assert.equal(await must("push", at("back.tar"), `${image}:v2`), digest);
    assert.equal(await must("pull", `${image}:v1`, "-o", at("back-layout")), digest);
    assert.equal(await must("build", site, "-t", `${image}:v3`, "--push"), digest);
    const raw = await command.start("inspect", "--raw", `${image}:v3`).ended;
    assert.equal(`sha256:${createHash("sha256").update(raw.out).digest("hex")}`, digest);
  });

  test("send only what has changed: of a large site with an edited page one layer", async () => {
    const files = Array.from({ length: 24 }, (_, index) => [
      `page-${index}.html`,
      `page ${index} `.repeat(300_000),
    ]);
    const large = command.site("pages", { ...Object.fromEntries(files), "index.html": page });
    const image = `${proxy.host}/acme/pages`;
    const uploads = () => proxy.shapes().filter((shape) => /^(?:POST|PATCH)/.test(shape)).length;
    await must("push", large, `${image}:v1`);
    assert.ok(uploads() >= 6, proxy.shapes().join("\n"));
    proxy.requests.length = 0;
    await must("push", large, `${image}:v2`);
    assert.equal(uploads(), 0);
    writeFileSync(join(large, "page-3.html"), "edited");
    proxy.requests.length = 0;
    const { err } = await run("push", large, `${image}:v3`);
    // The layer and the config.
    assert.equal(uploads(), 2);
    assert.equal(err.match(/: unchanged$/gm)?.length, 3, err);
    // Without its memory the same: it asks for each layer.
    rmSync(at(".cache"), { recursive: true });
    proxy.requests.length = 0;
    await must("push", large, `${image}:v4`);
    assert.equal(uploads(), 0);
  });

  test("mount what another repository of the registry has", async () => {
    const other = command.site("mounting", { "index.html": "mounting" });
    await must("push", other, `${proxy.host}/acme/one:v1`);
    proxy.requests.length = 0;
    const { err } = await run("push", other, `${proxy.host}/acme/two:v1`);
    assert.match(err, /mounted from acme\/one/);
    assert.ok(!proxy.shapes().some((shape) => shape.startsWith("PUT /v2/acme/two/blobs")));
    // From one registry's repository to another of it, nothing is fetched either.
    proxy.requests.length = 0;
    await must("push", `${proxy.host}/acme/two:v1`, `${proxy.host}/acme/three:v1`);
    assert.ok(
      !proxy.shapes().some((shape) => /^(?:GET|PUT) .*\/blobs\//.test(shape)),
      proxy.shapes().join("\n"),
    );
  });

  test("say in one line what is not there, and what cannot be reached", async () => {
    const missing = await run("pull", `${registry.host}/acme/nothing:v1`, "-o", at("x.tar"));
    assert.match(
      missing.err,
      /^statigo: the registry at http:\/\/127\.0\.0\.1:\d+ has no .*acme\/nothing "v1"\n$/,
    );
    assert.equal(missing.status, 1);
    const away = await run("inspect", "127.0.0.1:1/acme/nothing");
    assert.match(
      away.err,
      /^statigo: the registry cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:1\n$/,
    );
    assert.equal(away.status, 3);
  });

  test("write a site whole or not at all, so that the next try finds no half of it in the way", async () => {
    // It compresses to nothing, so that only the site itself is too large for the limit.
    const large = command.site("half", { "a.html": page, "b.txt": Buffer.alloc(20_000_000, "a") });
    await must("build", large, "-o", at("half.tar"));
    const words = [process.execPath, cliMain, "image", "pull", at("half.tar"), "--site", at("half-site")];
    const limited = spawnSync("sh", ["-c", `ulimit -f 10000; exec "$@"`, "sh", ...words], {
      env: { ...process.env, ...command.environment },
      encoding: "utf8",
    });
    assert.equal(limited.status, 1, limited.stderr);
    assert.match(limited.stderr, /half-site cannot be written: it is larger than a file may be there\n$/);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith("half-site")),
      [],
    );
    await must("pull", at("half.tar"), "--site", at("half-site"));
    assert.deepEqual(readdirSync(at("half-site")), ["a.html", "b.txt"]);
  });

  test("take nothing that is not what its digest says", async () => {
    const damaged = command.site("damaged", { "index.html": "damaged page" });
    const image = `${registry.host}/acme/damaged:v1`;
    await must("push", damaged, image);
    const layers = (await inspect(image)).platforms[0]?.manifest.layers ?? [];
    writeFileSync(registry.blobFile(layers[1]?.digest ?? ""), Buffer.alloc(layers[1]?.size ?? 0));
    const { status, err } = await run("pull", image, "-o", at("damaged.tar"));
    assert.equal(status, 1);
    assert.match(err, /what came for sha256:[0-9a-f]+ is sha256:/);
    assert.ok(!existsSync(at("damaged.tar")));
    const other = command.site("damaged-too", { "index.html": "another damaged page" });
    await must("build", other, "-o", at("damaged-layout"));
    const [, layer] = (await inspect(at("damaged-layout"))).platforms[0]?.manifest.layers ?? [];
    const blob = join(at("damaged-layout/blobs/sha256"), layer?.digest.slice(7) ?? "");
    writeFileSync(blob, Buffer.alloc(layer?.size ?? 0));
    const pushed = await run("push", at("damaged-layout"), `${registry.host}/acme/fresh:v1`);
    assert.match(pushed.err, /what came for sha256:[0-9a-f]+ is sha256:/);
    const tags = await fetch(`${registry.origin}/v2/acme/fresh/tags/list`);
    assert.equal(tags.status, 404, "no tag was made");
  });

  test("end at Ctrl-C with 130, and no tag", async () => {
    proxy.decide = ({ method }) =>
      method === "PUT" ? { status: 503, headers: { "retry-after": "30" } } : "pass";
    const pushing = command.start("push", site, `${proxy.host}/acme/slow:v1`);
    await until("it uploads", () =>
      proxy.requests.some(({ method, status }) => method === "PUT" && status === 503),
    );
    pushing.child.kill("SIGINT");
    const { status } = await pushing.ended;
    proxy.decide = () => "pass";
    assert.equal(status, 130);
    assert.equal((await run("inspect", `${registry.host}/acme/slow:v1`)).status, 1);
  });
});

describe("logins", { skip: siteImageMissing || registryMissing }, () => {
  const secrets = mkdtempSync(join(tmpdir(), "statigo-image-secrets-"));
  const pair = createCertificate(secrets);
  const { username, password } = registryUser;
  after(() => rmSync(secrets, { recursive: true, force: true }));

  function writeConfig(config: object): void {
    mkdirSync(at(".docker"), { recursive: true });
    writeFileSync(at(".docker/config.json"), JSON.stringify(config));
  }

  async function withRegistry(
    configuration: object,
    work: (host: string) => Promise<void>,
    tls?: { certificate: string; key: string },
  ): Promise<void> {
    const registry = await startRegistry({ configuration, ...(tls && { tls }) });
    try {
      await work(registry.host);
    } finally {
      await registry.stop();
      rmSync(at(".docker"), { recursive: true, force: true });
    }
  }

  test("by user and password come from the standard input, config.json, a credential helper, or are missed", () =>
    withRegistry({ auth: passwordAuth(secrets) }, async (host) => {
      const image = `${host}/acme/blog:v1`;
      const without = await run("push", site, image);
      assert.match(without.err, /it wants a user and a password, and none are configured/);
      assert.equal(without.status, 4);
      const typed = command.start("push", site, image, "-u", username, "--password-stdin");
      assert.equal((await typed.ended).status, 4, "an empty password is a wrong one");
      const auth = Buffer.from(`${username}:${password}`).toString("base64");
      writeConfig({ auths: { [host]: { auth } } });
      await must("push", site, image);
      writeConfig({ auths: { [host]: { auth: Buffer.from(`${username}:wrong`).toString("base64") } } });
      const wrong = await run("inspect", image);
      assert.equal(wrong.status, 4, wrong.err);
      assert.ok(!`${wrong.out}${wrong.err}`.includes("wrong"));
      const helper = join(secrets, "docker-credential-test");
      writeFileSync(
        helper,
        `#!/bin/sh\ncat > /dev/null\necho '${JSON.stringify({ Username: username, Secret: password })}'\n`,
      );
      chmodSync(helper, 0o755);
      writeConfig({ credHelpers: { [host]: "test" } });
      const { PATH: path = "" } = process.env;
      command.environment["PATH"] = `${secrets}:${path}`;
      await must("push", site, `${host}/acme/helped:v1`);
      command.environment["PATH"] = path;
    }));

  describe("by token", () => {
    let tokens: TokenServer;
    before(async () => {
      tokens = await startTokenServer(pair);
    });
    after(() => tokens?.stop());

    for (const [what, login] of [
      ["user and password", { auth: Buffer.from(`${username}:${password}`).toString("base64") }],
      ["an identity token", { identitytoken: identityToken }],
    ] as const) {
      test(`with ${what}: one for pushing, with the repository to mount from`, () =>
        withRegistry({ auth: tokens.auth }, async (host) => {
          writeConfig({ auths: { [host]: login } });
          await must("push", site, `${host}/acme/one:v1`);
          assert.match(tokens.requests[0] ?? "", /scope=repository%3Aacme%2Fone%3Apull%2Cpush/);
          const { status, err } = await run("push", site, `${host}/acme/two:v1`);
          assert.equal(status, 0, err);
          assert.match(err, /mounted from acme\/one/);
          tokens.requests.length = 0;
        }));
    }
  });

  test("go over TLS to an authority that is named, or to any", () =>
    withRegistry(
      { auth: passwordAuth(secrets) },
      async (host) => {
        writeConfig({ auths: { [host]: { username, password } } });
        const image = `${host}/acme/blog:v1`;
        await must("push", site, image, "--ca", pair.certificate);
        await must("inspect", image, "--insecure");
        const wrong = command.site("wrong-authority", { "index.html": "x" });
        const other = mkdtempSync(join(secrets, "other-"));
        const { status, err } = await run("push", wrong, image, "--ca", createCertificate(other).certificate);
        assert.match(
          err,
          /the registry's certificate or protocol is not taken \([A-Z_]+\): --ca names its authority/,
        );
        assert.equal(status, 3);
      },
      pair,
    ));
});
