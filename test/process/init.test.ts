import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { after, describe, test } from "node:test";
import { startCommand } from "../support/command-line.ts";
import { keys, typeAt } from "../support/typed-terminal.ts";

const root = resolve(import.meta.dirname, "../..");
const scratch = mkdtempSync(join(tmpdir(), "statigo-init-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

const newFolder = () => mkdtempSync(join(scratch, "in-"));
const environment = { TZ: "Europe/London" };

async function init(folder: string, ...args: string[]) {
  return startCommand(["init", ...args], environment, folder).ended;
}

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
const read = (folder: string, path: string) => readFileSync(join(folder, path), "utf8");

test("a CI and an engine bring their files, with one name, one image and one address in all of them", async () => {
  const folder = newFolder();
  const { status, out, err } = await init(
    folder,
    ...["mustache", "site", "--ci", "github", "--engine", "nomad", "--image", "ghcr.io/acme/events"],
    ...["--host", "events.example", "--hook-url", "https://hook.acme.example/"],
  );
  assert.equal(status, 0, err);
  const site = join(folder, "site");
  assert.match(read(site, ".github/workflows/release.yml"), /^ {2}IMAGE: ghcr\.io\/acme\/events$/m);
  assert.match(read(site, ".github/workflows/release.yml"), /^ {2}STATIGO: ghcr\.io\/acme\/statigo$/m);
  assert.match(read(site, "deploy/site.nomad.hcl"), /"ghcr\.io\/acme\/events:\$\{var\.tag\}"/);
  assert.match(read(site, "deploy/site.nomad.hcl"), /"urlprefix-events\.example\/"/);
  assert.match(read(site, "deploy/hook.yaml"), /^publicUrl: https:\/\/hook\.acme\.example$/m);
  assert.equal(read(site, "Dockerfile"), read(root, "templates/mustache/Dockerfile"));
  assert.match(out, /docker push ghcr\.io\/acme\/statigo/);
  const secret = /^ {2}https:\/\/hook\.acme\.example\/hooks\/site\/(\S+)$/m.exec(out)?.[1] ?? "";
  const hash = createHash("sha256").update(secret).digest("hex");
  assert.match(read(site, "deploy/hook.yaml"), new RegExp(`sha256: "${hash}" `));
});

test("the secret is in no file", async () => {
  const folder = newFolder();
  const { out } = await init(folder, "html", "site", "--engine", "compose");
  const secret = /\/hooks\/site\/(\S+)/.exec(out)?.[1] ?? "";
  assert.ok(secret.length >= 32);
  const site = join(folder, "site");
  for (const path of filesIn(site)) assert.ok(!read(site, path).includes(secret), path);
});

test("what the server of a single-page app has to know is in systemd's unit too, for a template and an existing site", async () => {
  const folder = newFolder();
  mkdirSync(join(folder, "mine"));
  writeFileSync(join(folder, "mine/package.json"), '{"devDependencies":{"vite":"8"}}');
  for (const args of [["vite-spa", "app"], ["html", "pages"], ["mine"]]) {
    const { status, err } = await init(folder, ...args, "--engine", "systemd");
    assert.equal(status, 0, err);
  }
  const unit = (name: string) => read(folder, `${name}/deploy/statigo-${name}.service`).split("\n");
  for (const name of ["app", "mine"]) assert.ok(unit(name).includes("Environment=STATIGO_SPA=true"), name);
  assert.ok(!unit("pages").some((line) => line.startsWith("Environment")));
});

test("--dry-run shows the tree and writes nothing", async () => {
  const folder = newFolder();
  const { status, out } = await init(
    folder,
    "hugo",
    "site",
    "--ci",
    "gitlab",
    "--engine",
    "systemd",
    "--dry-run",
  );
  assert.equal(status, 0);
  for (const line of [
    "site",
    "├── .gitlab-ci.yml",
    "├── deploy",
    "│   ├── hook.yaml",
    "│   ├── statigo-hook.service",
  ]) {
    assert.ok(out.split("\n").includes(line), `${line}\nis not in\n${out}`);
  }
  assert.deepEqual(filesIn(folder), []);
});

describe("an existing site", () => {
  const eleventy = {
    "package.json": '{"devDependencies":{"@11ty/eleventy":"3.1.8"}}',
    "index.md": "# Mine\n",
  };

  function siteOf(files: Readonly<Record<string, string>>): string {
    const folder = newFolder();
    for (const [path, content] of Object.entries(files)) writeFileSync(join(folder, path), content);
    return folder;
  }

  test("gets the Dockerfile of its generator and is left as it was", async () => {
    const folder = siteOf(eleventy);
    const { status, out, err } = await init(folder);
    assert.equal(status, 0, err);
    assert.match(out, /^Wrote a Dockerfile for Eleventy to this folder\. Next:/);
    assert.match(read(folder, "Dockerfile"), /COPY --from=build \/build\/_site \/site/);
    assert.deepEqual(filesIn(folder), [".dockerignore", "Dockerfile", "index.md", "package.json"]);
    for (const [path, content] of Object.entries(eleventy)) assert.equal(read(folder, path), content);
  });

  test("may be named by its folder, and say where its build writes it", async () => {
    const folder = siteOf(eleventy);
    const { status, err } = await init(scratch, folder, "--output", "public/site");
    assert.equal(status, 0, err);
    assert.match(read(folder, "Dockerfile"), /COPY --from=build \/build\/public\/site \/site/);
  });

  test("keeps every file that it has; a second run writes nothing and makes no secret", async () => {
    const folder = siteOf({ ...eleventy, Dockerfile: "mine\n" });
    const args = ["--ci", "forgejo", "--engine", "swarm"];
    const first = await init(folder, ...args);
    assert.match(
      first.out,
      /^Wrote a \.dockerignore, a release with Forgejo.*, Docker Swarm.* to this folder\. Left/,
    );
    assert.match(first.out, /Left as they were, because they were there: Dockerfile\./);
    assert.equal(read(folder, "Dockerfile"), "mine\n");
    const contents = () => filesIn(folder).map((path) => [path, read(folder, path)]);
    const before = contents();
    const second = await init(folder, ...args);
    assert.equal(second.status, 0);
    assert.match(second.out, /^Wrote nothing to this folder\. Left as they were/);
    assert.doesNotMatch(second.out, /webhook's URL/);
    assert.match(second.out, /they were there: Dockerfile, \.dockerignore, .*deploy\/hook\.yaml\./);
    assert.deepEqual(contents(), before);
    const tree = await init(folder, ...args, "--dry-run");
    assert.match(tree.out, /Dockerfile {2}\(is there, and stays\)/);
  });

  test("for whose generator there is no Dockerfile is told what makes its image", async () => {
    const folder = siteOf({ "mkdocs.yml": "" });
    const { status, err } = await init(folder);
    assert.equal(status, 2);
    assert.match(err, /this folder is a site made with MkDocs, .*`statigo image build` makes its image/);
    assert.deepEqual(filesIn(folder), ["mkdocs.yml"]);
  });

  test("is left without any of it where not all could be written", async () => {
    const folder = siteOf({ ...eleventy, deploy: "a file in the way" });
    const before = filesIn(folder);
    const { status, out, err } = await init(folder, "--engine", "compose", "--ci", "github");
    assert.deepEqual([status, out], [1, ""]);
    assert.match(err, /cannot be written: ENOTDIR.*; nothing was written\n$/);
    assert.deepEqual(filesIn(folder), before);
    assert.ok(!existsSync(join(folder, ".github")));
  });

  test("that is not there is said to be so, and no template is looked for", async () => {
    const { status, err } = await init(newFolder(), "./nothere");
    assert.equal(status, 2);
    assert.match(err, /there is no folder '\.\/nothere'; a new site there is made of a template: /);
  });

  test("that is not known is said to be so", async () => {
    const folder = siteOf({ "notes.txt": "" });
    const { status, err } = await init(scratch, folder);
    assert.equal(status, 2);
    assert.match(err, /has nothing in it by which its generator is known\. For a new site: One of: astro, /);
  });
});

const mistakes: [args: string[], words: RegExp][] = [
  [
    ["--ci", "githb"],
    /--ci githb: there is no such one\. Did you mean 'github'\? There are: github, gitlab, forgejo, gitea, none/,
  ],
  [["--engine", "docker"], /--engine docker: there is no such one\..* There are: compose, .*systemd, none/],
  [["--registry", "hub"], /--registry hub: there is no such one\..* There are: docker-hub, ghcr, .*own/],
  [["--image", "ghcr.io/acme/site:v1"], /--image ghcr\.io\/acme\/site:v1: has a tag; leave it out/],
  [["--base", "Statigo"], /--base Statigo: not an image repository/],
  [["--name", "On"], /--name On: a name has small letters/],
  [["--name", "on"], /no word of YAML's/],
  [["--host", "a b"], /--host a b: a host's name/],
  [["--hook-url", "hook.example.org"], /--hook-url hook\.example\.org: an http or https URL/],
  [["--timezone", "+01:00"], /--timezone \+01:00: not a time zone's name/],
  [["--timezone", "Europe/Atlantis"], /--timezone Europe\/Atlantis: not a time zone's name/],
  [["--output", "elsewhere"], /--output is for a site that is there/],
  [["--output", "../elsewhere"], /--output \.\.\/elsewhere: a folder below the site's/],
];
for (const [args, words] of mistakes) {
  test(`'init html site ${args.join(" ")}' is refused before anything is written, status 2`, async () => {
    const folder = newFolder();
    const { status, out, err } = await init(folder, "html", "site", ...args);
    assert.deepEqual([status, out], [2, ""]);
    assert.match(err, words);
    assert.deepEqual(filesIn(folder), []);
  });
}

test("a folder that the system makes nobody is refused, and not tried for ever", async () => {
  const { status, err } = await init(newFolder(), "html", "/proc/statigo/site");
  assert.equal(status, 1);
  assert.match(err, /\/proc\/statigo\/site cannot be written: ENOENT.*; nothing was written\n$/);
});

describe("on a terminal", () => {
  test("it asks for all that was not said, and writes what was answered", async () => {
    const folder = newFolder();
    const terminal = typeAt(["init"], folder, environment);
    try {
      await terminal.sees("Which template?");
      terminal.types(keys.down + keys.enter);
      await terminal.sees("Which folder?");
      terminal.types(`${keys.clearLine}my-site${keys.enter}`);
      await terminal.sees("Which CI");
      terminal.types(keys.down + keys.enter);
      await terminal.sees("What will run it?");
      terminal.types(keys.down + keys.enter);
      await terminal.sees("Which registry?");
      terminal.types(keys.enter);
      await terminal.sees("The image's name");
      terminal.types(`${keys.clearLine}ghcr.io/acme/site:v1${keys.enter}`);
      await terminal.sees("has a tag; leave it out");
      terminal.types(`${keys.clearLine}ghcr.io/acme/site${keys.enter}`);
      await terminal.sees("Where will the site be?");
      terminal.types(`${keys.clearLine}www.acme.example${keys.enter}`);
      await terminal.sees("Where is the deploy hook reached?");
      terminal.types(`${keys.clearLine}https://hook.acme.example${keys.enter}`);
      await terminal.sees("Which time zone");
      terminal.types(keys.enter);
      await terminal.sees("https://hook.acme.example/hooks/my-site/");
      assert.equal(await terminal.ended, 0);
    } finally {
      terminal.kill();
    }
    const site = join(folder, "my-site");
    assert.match(read(site, "hugo.toml"), /Harbour Gazette/);
    assert.match(read(site, "Dockerfile"), /^ENV TZ=Europe\/London$/m);
    assert.match(read(site, ".github/workflows/release.yml"), /ghcr\.io\/acme\/site/);
    assert.match(read(site, "deploy/compose.yaml"), /ghcr\.io\/acme\/site/);
  });

  test("it asks whether the site that it finds is meant, and not for what was said", async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "hugo.toml"), "");
    const terminal = typeAt(["init", "--ci", "none", "--engine", "none", "--timezone", "UTC"], folder);
    try {
      await terminal.sees("This is a site made with Hugo. Write a Dockerfile for it?");
      terminal.types(keys.enter);
      assert.equal(await terminal.ended, 0);
    } finally {
      terminal.kill();
    }
    assert.doesNotMatch(terminal.screen(), /Which/);
    assert.match(read(folder, "Dockerfile"), /^ENV TZ=UTC$/m);
  });

  test("Ctrl-C ends it with nothing written, status 130", async () => {
    const folder = newFolder();
    const terminal = typeAt(["init"], folder);
    try {
      await terminal.sees("Which template?");
      terminal.types(keys.interrupt);
      assert.equal(await terminal.ended, 130);
    } finally {
      terminal.kill();
    }
    assert.match(terminal.screen(), /Nothing was written\./);
    assert.deepEqual(filesIn(folder), []);
  });

  test("with a template, or with --yes, it asks nothing", async () => {
    const folder = newFolder();
    const terminal = typeAt(["init", "html", "site"], folder);
    assert.equal(await terminal.ended, 0);
    assert.doesNotMatch(terminal.screen(), /Which/);
    mkdirSync(join(folder, "pages"));
    writeFileSync(join(folder, "pages/index.html"), "");
    const second = typeAt(["init", "pages", "--yes"], folder);
    assert.equal(await second.ended, 0);
    assert.ok(existsSync(join(folder, "pages/Dockerfile")));
  });
});
