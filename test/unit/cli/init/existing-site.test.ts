import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, describe, test } from "node:test";
import { composeDockerfile, composeDockerignore } from "../../../../cli/init/dockerfile.ts";
import { findSite } from "../../../../cli/init/existing-site.ts";
import { readParts } from "../../../../cli/init/parts.ts";
import { listTemplates } from "../../../../cli/templates.ts";

const templates = resolve(import.meta.dirname, "../../../../templates");
const parts = readParts(templates);
const scratch = mkdtempSync(join(tmpdir(), "statigo-existing-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

function siteOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(scratch, "site-"));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

const packageWith = (name: string, scripts = { build: "x" }) =>
  JSON.stringify({ devDependencies: { [name]: "1" }, scripts });

/** What is there, and the lines that the Dockerfile has for it. */
const sites: [title: string, files: Record<string, string>, generator: string, lines: string[]][] = [
  [
    "Astro by npm",
    { "package.json": packageWith("astro"), "package-lock.json": "{}", "astro.config.ts": "" },
    "astro",
    [
      "COPY package.json package-lock.json ./",
      "RUN npm ci",
      "RUN npm run build",
      "COPY --from=build /build/dist /site",
    ],
  ],
  [
    "VitePress in docs, by pnpm",
    {
      "package.json": packageWith("vitepress", { "docs:build": "vitepress build docs" } as never),
      "pnpm-lock.yaml": "",
      ".npmrc": "",
      "docs/.vitepress/config.ts": "",
    },
    "vitepress",
    [
      "COPY package.json pnpm-lock.yaml .npmrc ./",
      "RUN corepack enable && pnpm install --frozen-lockfile",
      "RUN pnpm run docs:build",
      "COPY --from=build /build/docs/.vitepress/dist /site",
    ],
  ],
  [
    "Eleventy by yarn",
    { "package.json": packageWith("@11ty/eleventy"), "yarn.lock": "" },
    "eleventy",
    [
      "RUN corepack enable && yarn install --frozen-lockfile",
      "RUN yarn run build",
      "COPY --from=build /build/_site /site",
    ],
  ],
  [
    "a Vite app without a lock file",
    { "package.json": packageWith("vite"), "index.html": "" },
    "vite-spa",
    [
      "COPY package.json ./",
      "RUN npm install --no-package-lock",
      "COPY --from=build /build/dist /site",
      "ENV STATIGO_SPA=true",
    ],
  ],
  [
    "Astro, which has Vite beside it",
    { "package.json": JSON.stringify({ dependencies: { vite: "8", astro: "7" } }) },
    "astro",
    ["RUN npm run build"],
  ],
  [
    "Docusaurus",
    { "package.json": packageWith("@docusaurus/core") },
    "docusaurus",
    ["COPY --from=build /build/build /site"],
  ],
  [
    "Nuxt",
    { "package.json": packageWith("nuxt", { generate: "x" } as never) },
    "nuxt",
    ["RUN npm run generate"],
  ],
  ["Hugo", { "hugo.yaml": "", "public/index.html": "" }, "hugo", ["RUN hugo --minify --destination /site"]],
  ["Jekyll", { "_config.yml": "", "index.html": "" }, "jekyll", ["RUN jekyll build -d /site"]],
  ["pages in public", { "public/index.html": "" }, "html", ["COPY public /site"]],
  [
    "pages with a folder public among them",
    { "index.html": "", "public/index.html": "" },
    "html",
    ["COPY . /site"],
  ],
  ["pages in the folder itself", { "index.html": "" }, "html", ["COPY . /site"]],
];

for (const [title, files, generator, lines] of sites) {
  test(`${title} is known, and built as it is there`, () => {
    const found = findSite(siteOf(files), parts);
    assert.equal(found?.generator.name, generator);
    const written = composeDockerfile(found, "America/New_York", parts).split("\n");
    for (const line of lines) assert.ok(written.includes(line), `${line}\nis not in\n${written.join("\n")}`);
    assert.ok(!written.some((line) => /@@|Europe\/London/.test(line)));
  });
}

test("a folder without anything that is known is no site", () => {
  assert.equal(
    findSite(siteOf({ "package.json": packageWith("left-pad"), "readme.txt": "" }), parts),
    undefined,
  );
});

test("a package.json whose scripts are none has none", () => {
  const text = JSON.stringify({ dependencies: { astro: "7" }, scripts: "build" });
  assert.equal(findSite(siteOf({ "package.json": text }), parts)?.script, "build");
});

test("a package.json that cannot be read is an error that names it", () => {
  assert.throws(() => findSite(siteOf({ "package.json": "{" }), parts), /package\.json is not JSON: /);
});

test("pages in the folder itself are published without what builds and deploys them", () => {
  const found = findSite(siteOf({ "index.html": "" }), parts);
  assert.ok(found !== undefined);
  const left = composeDockerignore(found).split("\n");
  for (const name of ["Dockerfile", "deploy", ".git", ".gitlab-ci.yml"]) assert.ok(left.includes(name), name);
});

describe("a template", () => {
  for (const template of listTemplates(templates)) {
    const folder = join(templates, template);
    const found = findSite(folder, parts);

    test(`${template} has the Dockerfile that a site of its kind is given`, () => {
      assert.ok(found !== undefined);
      assert.equal(found.generator.name, template);
      const written = readFileSync(join(folder, "Dockerfile"), "utf8");
      assert.equal(written, composeDockerfile(found, "Europe/London", parts));
    });

    test(`${template} leaves out of its build what a site of its kind leaves out`, () => {
      assert.ok(found !== undefined);
      const left = readFileSync(join(folder, ".dockerignore"), "utf8").split("\n");
      for (const line of composeDockerignore(found).split("\n")) assert.ok(left.includes(line), line);
    });

    test(`${template} locks its packages, by whichever registry they come`, () => {
      if (found?.generator.dockerfile !== "node") return;
      const lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8"));
      const packages = Object.entries(
        lock.packages as Record<string, { resolved?: string; integrity?: string }>,
      );
      for (const [path, { resolved, integrity }] of packages) {
        assert.equal(resolved, undefined, path);
        assert.ok(path === "" || integrity !== undefined, path);
      }
      const { devDependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      for (const version of Object.values(devDependencies)) assert.match(String(version), /^\d+\.\d+\.\d+$/);
    });
  }
});
