import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { configOf, script, startHook, type TestHook } from "../support/hook.ts";
import {
  createCertificate,
  pushImage,
  type Registry,
  registryMissing,
  registryUser,
  startRegistry,
} from "../support/registry.ts";
import { startTokenServer, type TokenServer } from "../support/token-server.ts";

describe("a hook that asks a real registry, which asks for tokens", { skip: registryMissing }, () => {
  let folder: string;
  let tokens: TokenServer;
  let registry: Registry;
  let hook: TestHook;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "statigo-hook-registry-"));
    tokens = await startTokenServer(createCertificate(folder));
    registry = await startRegistry({ configuration: { auth: tokens.auth } });
    const { username, password } = registryUser;
    const auth = Buffer.from(`${username}:${password}`).toString("base64");
    const dockerConfig = join(folder, "config.json");
    writeFileSync(dockerConfig, JSON.stringify({ auths: { [registry.host]: { auth } } }));
    const target = `${script('echo "$STATIGO_IMAGE@$STATIGO_DIGEST"')}\n    registry: { dockerConfig: ${dockerConfig} }`;
    const yaml = configOf({ blog: target });
    hook = await startHook(yaml.replace("image: stut/blog", `image: ${registry.host}/stut/blog`));
  });
  after(async () => {
    await hook.stop();
    await registry.stop();
    await tokens.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("deploys a tag that was pushed, with its digest", async () => {
    const authorization = `Bearer ${tokens.grant("stut/blog")}`;
    const digest = await pushImage(registry, "stut/blog", "v1", { authorization, isIndex: true });
    await hook.push("v1", { image: `${registry.host}/stut/blog` });
    const ended = await hook.untilEnded(1);
    assert.deepEqual([ended.state, ended.digest], ["succeeded", digest]);
    assert.match(hook.logOf(1), new RegExp(`^${registry.host}/stut/blog:v1@${digest}$`, "m"));
  });

  test("does not deploy one that was not", async () => {
    await hook.push("v2", { image: `${registry.host}/stut/blog` });
    const { state, reason } = await hook.untilEnded(2);
    assert.equal(state, "failed");
    assert.match(reason ?? "", /^the registry has no \S+\/stut\/blog:v2: is it pushed/);
  });
});
