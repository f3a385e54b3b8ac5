/** A real registry (Debian's docker-registry) that tells the hook of everything that happens to it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "yaml";
import { freePorts } from "../support/free-port.ts";
import { configOf, readConfig, script, secretOf, startHook, type TestHook, until } from "../support/hook.ts";
import { pushImage, type Registry, registryMissing, startRegistry } from "../support/registry.ts";

const key = "registry-key-0123456789";
const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** The service knows the image by its public name; the registry calls it by the address it was pushed to. */
function configFor(registryHost: string, listen = "127.0.0.1:0"): string {
  const aliases = `aliases: ['${registryHost}/acme/web']`;
  return configOf({ blog: script("echo deployed $STATIGO_TAG") })
    .replace("127.0.0.1:0", listen)
    .replace("image: stut/blog", `image: reg.example/acme/web\n    ${aliases}`)
    .replace("target:", () => `webhook: { source: distribution, signing: [${key}] }\n    target:`);
}

/** What docs/hook/webhooks.md says to put into the registry's configuration, for this hook. */
function documentedNotifications(url: string): { notifications: unknown } {
  const text = readFileSync(new URL("../../docs/hook/webhooks.md", import.meta.url), "utf8");
  const [, block = ""] = /^```yml\n(notifications:.*?)^```$/ms.exec(text) ?? [];
  return parse(
    block
      .replace(/url: .*/, `url: ${url}`)
      .replace("KEY", key)
      .replace("backoff: 5s", "backoff: 1s"),
  );
}

/** Its own defaults for time limits, but no second of pause after three failures. */
function notifications(url: string, authorization = `Bearer ${key}`): object {
  const headers = { Authorization: [authorization] };
  return { endpoints: [{ name: "hook", url, headers, timeout: "1s", threshold: 3, backoff: "100ms" }] };
}

function webhookUrl(origin: string): string {
  return `${origin}/hooks/blog/${secretOf("blog")}`;
}

function deploymentsOf({ store }: TestHook, tag: string) {
  return store.list({ limit: 100 }).filter((deployment) => deployment.tag === tag);
}

function answersOf(hook: TestHook, status: number): number {
  return hook.log().split(`"status":${status},`).length - 1;
}

describe("a registry that notifies the hook", { skip: registryMissing }, () => {
  let hook: TestHook;
  let registry: Registry;
  before(async () => {
    hook = await startHook(configFor("unknown.example"));
    registry = await startRegistry({
      configuration: { notifications: notifications(webhookUrl(hook.origin)) },
    });
    hook.reload(readConfig(configFor(registry.host), hook.folder));
  });
  after(async () => {
    await registry.stop();
    await hook.stop();
  });

  const manifestUrl = (reference: string) => `${registry.origin}/v2/acme/web/manifests/${reference}`;
  const pull = (tag: string) => fetch(manifestUrl(tag), { headers: { accept: manifestType } });
  const tagManifest = async (tag: string, manifest: string) => {
    const headers = { "content-type": manifestType };
    const answer = await fetch(manifestUrl(tag), { method: "PUT", headers, body: manifest });
    assert.equal(answer.status, 201);
  };

  /** The one deployment of a tag, when it has ended. */
  async function untilDeployed(tag: string) {
    await until(`${tag} is accepted`, () => deploymentsOf(hook, tag).length > 0);
    const [found] = deploymentsOf(hook, tag);
    return hook.untilEnded(found?.id ?? 0);
  }

  test("has an index of two platforms deployed once, by its tag and its own digest", async () => {
    const digest = await pushImage(registry, "acme/web", "v1", { isIndex: true });
    const deployed = await untilDeployed("v1");
    assert.deepEqual(
      [deployed.state, deployed.digest, deployed.source],
      ["succeeded", digest, "distribution"],
    );
    assert.equal(deployed.image, "reg.example/acme/web");
    assert.match(hook.logOf(deployed.id), /^deployed v1$/m);
    assert.equal(hook.store.list({ limit: 100 }).length, 1);
    // Four blobs and two manifests without a tag came before it.
    assert.equal(hook.log().split("webhook ignored").length - 1, 6);
  });

  test("has an image of one platform deployed, and another tag of it as well", async () => {
    const digest = await pushImage(registry, "acme/web", "v2");
    assert.equal((await untilDeployed("v2")).digest, digest);
    await tagManifest("v2.1", await (await pull("v2")).text());
    assert.equal((await untilDeployed("v2.1")).digest, digest);
  });

  test("has a tag that is pushed twice with the same content deployed once", async () => {
    const manifest = await (await pull("v2")).text();
    await tagManifest("v3", manifest);
    await tagManifest("v3", manifest);
    await until("both are known", () => hook.log().includes("webhook says again what is known"));
    assert.equal(deploymentsOf(hook, "v3").length, 1);
  });

  test("is not held up by what asks for nothing: pulls, deletions, other repositories, latest, signatures", async () => {
    const before = hook.store.list({ limit: 100 }).length;
    const manifest = await (await pull("v3")).text();
    const signature = `sha256-${"4a".repeat(32)}.sig`;
    await pushImage(registry, "acme/other", "v1");
    await tagManifest("latest", manifest);
    await tagManifest(signature, manifest);
    const digest = await pushImage(registry, "acme/web", "dev-1", { isIndex: true });
    await untilDeployed("dev-1");
    assert.equal((await fetch(manifestUrl(digest), { method: "DELETE" })).status, 202);
    await pushImage(registry, "acme/web", "v4");
    await untilDeployed("v4");
    assert.equal(hook.store.list({ limit: 100 }).length, before + 2);
    assert.deepEqual([answersOf(hook, 401), answersOf(hook, 422), answersOf(hook, 503)], [0, 0, 0]);
  });
});

describe("a registry whose hook", { skip: registryMissing }, () => {
  test("is away keeps what happened, and has it deployed once when the hook is there, configured as documented", async () => {
    const [port = 0] = await freePorts(1);
    const url = webhookUrl(`http://127.0.0.1:${port}`);
    const registry = await startRegistry({ configuration: documentedNotifications(url) });
    try {
      const digest = await pushImage(registry, "acme/web", "v1", { isIndex: true });
      await sleep(300);
      const hook = await startHook(configFor(registry.host, `127.0.0.1:${port}`));
      await until("v1 is accepted", () => deploymentsOf(hook, "v1").length > 0);
      const [found] = deploymentsOf(hook, "v1");
      const deployed = await hook.untilEnded(found?.id ?? 0);
      assert.deepEqual([deployed.state, deployed.digest], ["succeeded", digest]);
      assert.equal(hook.store.list({ limit: 100 }).length, 1);
      // The documented configuration keeps the blobs' events back; the two platforms' are left.
      assert.equal(hook.log().split("webhook ignored").length - 1, 2);
      await hook.stop();
    } finally {
      await registry.stop();
    }
  });

  test("wants another key is refused, and nothing is deployed", async () => {
    const hook = await startHook(configFor("unknown.example"));
    const wrong = notifications(webhookUrl(hook.origin), "Bearer another-key-0123456789");
    const registry = await startRegistry({ configuration: { notifications: wrong } });
    try {
      hook.reload(readConfig(configFor(registry.host), hook.folder));
      await pushImage(registry, "acme/web", "v1");
      await until("it was refused", () => answersOf(hook, 401) > 1);
      assert.equal(hook.store.list({ limit: 100 }).length, 0);
      assert.doesNotMatch(hook.log(), /another-key|registry-key/);
    } finally {
      await registry.stop();
      await hook.stop();
    }
  });
});
