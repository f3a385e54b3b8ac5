/**
 * What others wrote and we ship or build with, by the lock file alone: no service is asked, so that the answer is the
 * same everywhere. Known vulnerabilities are a service's to tell (`npm audit`); how much there is to attack is told here.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}

const root = new URL("../../", import.meta.url);
const readJson = (file: string) => JSON.parse(readFileSync(new URL(file, root), "utf8"));
const manifest = readJson("package.json");
const lockFiles = ["package-lock.json", "templates/mustache/package-lock.json"];

function packagesOf(file: string): [name: string, locked: LockedPackage][] {
  const { packages } = readJson(file) as { packages: Record<string, LockedPackage> };
  return Object.entries(packages)
    .filter(([path]) => path !== "")
    .map(([path, locked]) => [path.replace(/^.*node_modules\//, ""), locked]);
}

/** With what builds for other platforms, of which npm installs one. */
const mostPackages = 290;
/** They ask for their text to be passed on, which the bundles do, and for nothing else. */
const licences = new Set([
  "MIT",
  "MIT-0",
  "ISC",
  "Apache-2.0",
  "Apache-2.0 WITH LLVM-exception",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "BlueOak-1.0.0",
  "Unlicense",
  "CC0-1.0",
]);

/** For tools of the tests, of which nothing is passed on. */
const licencesOfTools: Readonly<Record<string, string>> = {
  "axe-core": "MPL-2.0",
  "@cdktn/hcl2json": "MPL-2.0",
};

function isAllowed(licence: string): boolean {
  return licence
    .replaceAll(/[()]/g, "")
    .split(" OR ")
    .some((one) => licences.has(one));
}

describe("dependencies", () => {
  test(`are at most ${mostPackages} packages with all that builds and tests, and none that users install`, () => {
    const all = packagesOf("package-lock.json");
    assert.ok(all.length <= mostPackages, `${all.length} packages`);
    assert.deepEqual(Object.keys(manifest.dependencies ?? {}), []);
  });

  test("have licences that let anybody use and pass on what is made of them", () => {
    const wrong = lockFiles.flatMap(packagesOf).filter(([name, { license, optional }]) => {
      // npm writes none for the packages of other platforms; their siblings of this one are in the list.
      return license === undefined
        ? optional !== true
        : licencesOfTools[name] !== license && !isAllowed(license);
    });
    assert.deepEqual(wrong, []);
  });

  test("run no script when they are installed, but for those that package.json allows", () => {
    const allowed = manifest.allowScripts as Record<string, boolean>;
    const withScripts = lockFiles.flatMap(packagesOf).filter(([, { hasInstallScript }]) => hasInstallScript);
    assert.deepEqual(
      withScripts.map(([name]) => name).filter((name) => !(name in allowed)),
      [],
    );
    assert.deepEqual(
      Object.keys(allowed).filter((name) => allowed[name] === true),
      ["node", "esbuild"],
    );
  });

  test("are each fixed to one content by its hash", () => {
    for (const [name, { integrity, optional }] of lockFiles.flatMap(packagesOf)) {
      // Those of other platforms, which are never installed where the lock file was written.
      if (integrity === undefined && optional === true) continue;
      assert.match(integrity ?? "none", /^sha512-[A-Za-z0-9+/]{86}==$/, name);
    }
  });

  test("come from whichever registry npm is set to: no lock file names one", () => {
    for (const file of lockFiles) {
      const text = readFileSync(new URL(file, root), "utf8");
      assert.doesNotMatch(text, /"resolved"/, file);
      assert.doesNotMatch(
        text,
        /"(?:version|[^"]*)": "(?:git\+|git:|github:|file:|https?:)[^"]*\.(?:tgz|git)"/,
        file,
      );
    }
  });

  test("are named with exact versions, the same as are locked", () => {
    const locked = new Map(packagesOf("package-lock.json"));
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      assert.match(String(version), /^\d+\.\d+\.\d+$/, name);
      assert.equal(locked.get(name)?.version, version, name);
    }
  });

  test("are each used by something here", () => {
    const folders = ["hook", "oci", "cli", "build", "test", "bench"];
    const sources = folders.flatMap((folder) => globSync(`${folder}/**/*.{ts,tsx}`, { cwd: root.pathname }));
    const files = [...sources, "package.json", "tsconfig.json", ".ci/run"];
    const text = files.map((file) => readFileSync(new URL(file, root), "utf8")).join("\n");
    // What a script of package.json runs, and what the compilers take types from.
    const ran = /^(?:@biomejs\/biome|typescript|node|@types\/.*)$/;
    const unused = Object.keys(manifest.devDependencies).filter(
      (name) => !ran.test(name) && !new RegExp(`["/\\s]${name}["/]`).test(text),
    );
    assert.deepEqual(unused, []);
  });

  test("of the server are none: it imports nothing but Node's own modules and itself", () => {
    for (const file of globSync("server/**/*.ts", { cwd: root.pathname })) {
      const imports = readFileSync(new URL(file, root), "utf8").matchAll(
        /^(?:import|export) [^;]*?from "([^"]+)";/gm,
      );
      for (const [, name = ""] of imports) assert.match(name, /^(?:node:|\.)/, file);
    }
  });
});
