import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { configOf, script, startHook, type TestHook, temporaryFolder, until } from "../support/hook.ts";
import { startVersionedSite, type VersionedSite, writeVersion } from "../support/versioned-site.ts";

const cleaning: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const clean of cleaning.splice(0).reverse()) await clean();
});

async function prepare(): Promise<{ folder: string; site: VersionedSite }> {
  const folder = temporaryFolder();
  cleaning.push(() => rmSync(folder, { recursive: true, force: true }));
  const site = await startVersionedSite(folder);
  cleaning.push(site.stop);
  return { folder, site };
}

async function start(yaml: string, folder: string): Promise<TestHook> {
  const hook = await startHook(yaml, { folder });
  cleaning.push(hook.stop);
  return hook;
}

/** A service's target with more keys of the service. */
function service(target: string, more: object): string {
  return [target, ...Object.entries(more).map(([key, value]) => `    ${key}: ${JSON.stringify(value)}`)].join(
    "\n",
  );
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of the config
const versionHeader = { name: "x-version", value: "${tag}" };

function gate({ origin }: VersionedSite, more: object = {}): object {
  return { url: `${origin}/`, header: versionHeader, every: "10ms", timeout: "500ms", ...more };
}

function statesOf(hook: TestHook, id: number): string[] {
  return hook.store.listTransitions(id).map(({ state }) => state);
}

function deployedTags(folder: string): string[] {
  const file = join(folder, "deployed");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

async function deployed(hook: TestHook, tag: string, id: number) {
  await hook.push(tag);
  return hook.untilEnded(id);
}

describe("a release that has to prove itself", () => {
  test("succeeds when the site shows it", async () => {
    const { folder, site } = await prepare();
    const hook = await start(
      configOf({ blog: service(script(writeVersion), { verify: gate(site) }) }),
      folder,
    );
    const { reason } = await deployed(hook, "v1", 1);
    assert.deepEqual(statesOf(hook, 1), ["accepted", "waiting", "deploying", "verifying", "succeeded"]);
    assert.match(
      reason ?? "",
      /ended with status 0; healthy after \d\.\d s \(status 200, the first answer\)/,
    );
    assert.ok((hook.store.find(1)?.verifyingAtMs ?? 0) > 0);
  });

  test("is taken back when the site does not get well, and the last good one is verified again", async () => {
    const { folder, site } = await prepare();
    site.broken.add("v2");
    const hook = await start(
      configOf({ blog: service(script(writeVersion), { verify: gate(site) }) }),
      folder,
    );
    await deployed(hook, "v1", 1);
    const { state, reason, rolledBackTo } = await deployed(hook, "v2", 2);
    assert.deepEqual(statesOf(hook, 2).slice(2), ["deploying", "verifying", "rolling-back", "rolled-back"]);
    assert.deepEqual([state, rolledBackTo, site.version()], ["rolled-back", "v1", "v1"]);
    assert.match(
      reason ?? "",
      /^v2 was not healthy within 0\.5 s: http:\S+ last gave status 503 instead of 200–299; rolled back to v1, healthy after/,
    );
    assert.deepEqual(deployedTags(folder), ["v1", "v2", "v1"]);
    assert.equal(hook.store.lastSucceeded("blog")?.tag, "v1");
    assert.match(hook.logOf(2), /not yet: status 503 instead of 200–299\n… the same \d+ times more\n/);
    assert.match(hook.logOf(2), /asking \S+ whether v1 is healthy, for up to 0\.5 s\ngood: status 200/);
  });

  test("stays when there is nothing to go back to", async () => {
    const { folder, site } = await prepare();
    site.broken.add("v1");
    const hook = await start(
      configOf({ blog: service(script(writeVersion), { verify: gate(site) }) }),
      folder,
    );
    const { state, reason } = await deployed(hook, "v1", 1);
    assert.equal(state, "failed");
    assert.match(reason ?? "", /there is no earlier release to go back to, so v1 stays$/);
    assert.deepEqual(statesOf(hook, 1).slice(2), ["deploying", "verifying", "failed"]);
  });

  test("stays when the operator wants no rollback", async () => {
    const { folder, site } = await prepare();
    site.broken.add("v2");
    const verify = gate(site, { rollback: false });
    const hook = await start(configOf({ blog: service(script(writeVersion), { verify }) }), folder);
    await deployed(hook, "v1", 1);
    const { state, reason } = await deployed(hook, "v2", 2);
    assert.deepEqual([state, site.version()], ["failed", "v2"]);
    assert.match(reason ?? "", /the engine keeps it, as `verify\.rollback: false` says$/);
  });

  test("is not replaced by itself", async () => {
    const { folder, site } = await prepare();
    const hook = await start(
      configOf({ blog: service(script(writeVersion), { verify: gate(site) }) }),
      folder,
    );
    await deployed(hook, "v1", 1);
    site.broken.add("v1");
    await hook.operations.deployTag("blog", { tag: "v1" }, "test");
    const { state, reason } = await hook.untilEnded(2);
    assert.equal(state, "failed");
    assert.match(reason ?? "", /the last good release is v1 itself, so there is nothing to go back to$/);
    assert.deepEqual(deployedTags(folder), ["v1", "v1"]);
  });

  test("fails with both reasons when the way back fails as well", async () => {
    const { folder, site } = await prepare();
    site.broken.add("v2");
    const once = `[ "$STATIGO_TAG" = v2 ] || [ ! -e deployed ] || exit 9; ${writeVersion}`;
    const hook = await start(configOf({ blog: service(script(once), { verify: gate(site) }) }), folder);
    await deployed(hook, "v1", 1);
    const { state, reason } = await deployed(hook, "v2", 2);
    assert.equal(state, "failed");
    assert.match(
      reason ?? "",
      /^v2 was not healthy .*; going back to v1 failed as well: \/bin\/sh ended with status 9/,
    );
    assert.deepEqual(statesOf(hook, 2).slice(-2), ["rolling-back", "failed"]);
  });

  test("fails when what it is replaced by is not healthy either", async () => {
    const { folder, site } = await prepare();
    const hook = await start(
      configOf({ blog: service(script(writeVersion), { verify: gate(site) }) }),
      folder,
    );
    await deployed(hook, "v1", 1);
    for (const tag of ["v1", "v2"]) site.broken.add(tag);
    const { state, reason } = await deployed(hook, "v2", 2);
    assert.equal(state, "failed");
    assert.match(
      reason ?? "",
      /^v2 was not healthy .*; rolled back to v1, which is not healthy either: v1 was not healthy/,
    );
  });
});

describe("a deployment that is interrupted", () => {
  const slowGate = (site: VersionedSite) => gate(site, { timeout: "20s" });

  test("while it is verified goes on there at the next start: the command is not run again", async () => {
    const { folder, site } = await prepare();
    site.broken.add("v1");
    const services = { blog: service(script(writeVersion), { verify: slowGate(site) }) };
    const yaml = configOf(services, "deployments: { grace: 0s }");
    const first = await startHook(yaml, { folder });
    await first.push("v1");
    await until("it is verified", () => first.store.find(1)?.state === "verifying" && site.shown.length > 0);
    await first.stop();
    site.broken.clear();
    const second = await start(yaml, folder);
    assert.equal((await second.untilEnded(1)).state, "succeeded");
    assert.deepEqual(deployedTags(folder), ["v1"]);
    assert.match(
      second.logOf(1),
      /interrupted because the hook was stopped; the next start goes on: the engine has v1/,
    );
  });

  test("while it is rolled back goes on there: the bad release does not come back", async () => {
    const { folder, site } = await prepare();
    site.broken.add("v2");
    const slowBack = `if [ "$STATIGO_TAG" = v1 ] && [ -e deployed ] && [ ! -e go ]; then touch back; sleep 20; fi; ${writeVersion}`;
    const yaml = configOf(
      { blog: service(script(slowBack), { verify: gate(site) }) },
      "deployments: { grace: 0s }",
    );
    const first = await startHook(yaml, { folder });
    await deployed(first, "v1", 1);
    await first.push("v2");
    await until("it goes back", () => existsSync(join(folder, "back")));
    await first.stop();
    writeFileSync(join(folder, "go"), "");
    const second = await start(yaml, folder);
    const { state, reason } = await second.untilEnded(2);
    assert.equal(state, "rolled-back");
    assert.match(reason ?? "", /^v2 was not healthy within 0\.5 s: .*; rolled back to v1/);
    assert.deepEqual(deployedTags(folder), ["v1", "v2", "v1"]);
  });

  test("by a person says what the engine was left with", async () => {
    const { folder, site } = await prepare();
    site.broken.add("v1");
    const hook = await start(
      configOf({ blog: service(script(writeVersion), { verify: slowGate(site) }) }),
      folder,
    );
    await hook.push("v1");
    await until("it is verified", () => hook.store.find(1)?.state === "verifying" && site.shown.length > 0);
    await hook.operations.cancel(1, "ada");
    const { state, reason } = await hook.untilEnded(1);
    assert.equal(state, "cancelled");
    assert.match(
      reason ?? "",
      /^cancelled by ada: the engine has v1, which is not verified \(last seen: status 503/,
    );
    assert.equal(hook.store.listTransitions(1).at(-1)?.actor, "ada");
  });

  test("by a person while the target is at work says that nobody knows", async () => {
    const { folder } = await prepare();
    const hook = await start(configOf({ blog: script("touch started; sleep 20") }), folder);
    await hook.push("v1");
    await until("it runs", () => existsSync(join(folder, "started")));
    await hook.operations.cancel(1, "ada");
    const { state, reason } = await hook.untilEnded(1);
    assert.equal(state, "cancelled");
    assert.match(
      reason ?? "",
      /^cancelled by ada: .*was stopped; whether the engine has taken v1 is not known/,
    );
  });
});
