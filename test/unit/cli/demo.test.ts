import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { parse } from "yaml";

const folder = mkdtempSync(join(tmpdir(), "statigo-demo-"));
after(() => rmSync(folder, { recursive: true, force: true }));
// Read when the module is loaded.
process.env["DEMO_FOLDER"] = folder;
const { release } = await import("../../../cli/demo/release.ts");
const { writeHookConfig } = await import("../../../cli/demo/hook-config.ts");
const { readPort } = await import("../../../cli/demo/port.ts");
const { tagAt } = await import("../../../cli/demo/wording.ts");

const current = join(folder, "current");
const now = new Date("2026-01-02T03:04:05.678Z");

test("a release's tag is 'release-' and the time, as the hook's pattern wants it", () => {
  assert.equal(tagAt(now), "release-20260102030405");
  const { services } = parse(
    writeHookConfig(4500, { secret: "secret", token: "token", siteUrl: "http://127.0.0.1:3000" }),
  );
  assert.match(tagAt(now), new RegExp(services.example.tags));
});

test("the page says which release it is and since when", () => {
  release("release-1", now);
  const page = readFileSync(join(current, "index.html"), "utf8");
  assert.match(page, /Release <strong>release-1<\/strong>, deployed at .*03:04:05 UTC/);
});

test("while releases are switched the site is there at every moment", async () => {
  const program = resolve(import.meta.dirname, "../../../cli/demo/render.ts");
  const env = { ...process.env, DEMO_FOLDER: folder, STATIGO_TAG: "release-2" };
  const rendering = promisify(execFile)(process.execPath, ["--import", "tsx", program], { env });
  let isRendering = true;
  const ended = rendering.finally(() => {
    isRendering = false;
  });
  const seen = new Set<string>();
  while (isRendering) {
    seen.add(readFileSync(join(current, "release.txt"), "utf8"));
    await new Promise(setImmediate);
  }
  seen.add(readFileSync(join(current, "release.txt"), "utf8"));
  assert.deepEqual([...seen], ["release-1", "release-2"]);
  assert.equal((await ended).stdout, "rendered and switched to release-2\n");
});

test("a tag that is deployed again is a release of its own, and only the last three are kept", () => {
  for (let count = 0; count < 5; count += 1) release("release-3", now);
  assert.equal(readdirSync(join(folder, "releases")).length, 3);
  assert.equal(readFileSync(join(current, "release.txt"), "utf8"), "release-3");
});

for (const tag of ["../release", "", ".hidden", "a b", "a".repeat(129)]) {
  test(`'${tag.slice(0, 20)}' is refused as a tag, and what is served stays`, () => {
    const before = readFileSync(join(current, "release.txt"), "utf8");
    assert.throws(() => release(tag, now), /is not an image tag/);
    assert.equal(readFileSync(join(current, "release.txt"), "utf8"), before);
  });
}

for (const [text, expected] of [
  ["", 3000],
  ["8080", 8080],
  ["65535", 65535],
] as const) {
  test(`PORT='${text}' is port ${expected}`, () => {
    process.env["TEST_PORT"] = text;
    assert.equal(readPort("TEST_PORT", 3000), expected);
  });
}

for (const text of ["0", "65536", "http", "-1", "3000.5"]) {
  test(`PORT='${text}' is an error that says what a port is`, () => {
    process.env["TEST_PORT"] = text;
    assert.throws(() => readPort("TEST_PORT", 3000), {
      message: `TEST_PORT=${text} is not a port: give a number from 1 to 65535`,
    });
  });
}
