import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { readDockerCredentials } from "../../oci/docker-config.ts";
import { parseImageName } from "../../oci/reference.ts";
import { findDigest, type RegistryAccess } from "../../oci/registry.ts";
import {
  createCertificate,
  passwordAuth,
  pushImage,
  type Registry,
  registryMissing,
  registryUser,
  startRegistry,
} from "../support/registry.ts";
import { identityToken, startTokenServer, type TokenServer } from "../support/token-server.ts";

const folder = mkdtempSync(join(tmpdir(), "statigo-registry-test-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const basic = `Basic ${Buffer.from(`${registryUser.username}:${registryUser.password}`).toString("base64")}`;

function ask({ host }: Registry, tag: string, access: Partial<RegistryAccess> = {}) {
  const parsed = parseImageName(`${host}/stut/blog`);
  assert.ok("name" in parsed);
  const signal = AbortSignal.timeout(60_000);
  return findDigest(parsed.name, tag, { credentials: undefined, signal, ...access });
}

describe("a registry that anybody may read", { skip: registryMissing }, () => {
  let registry: Registry;
  before(async () => {
    registry = await startRegistry();
  });
  after(() => registry.stop());

  test("tells the digest that a tag has", async () => {
    const digest = await pushImage(registry, "stut/blog", "v1");
    assert.deepEqual(await ask(registry, "v1"), { kind: "found", digest });
  });

  test("tells an index's own digest, not the one of a platform", async () => {
    const digest = await pushImage(registry, "stut/blog", "v2", { isIndex: true });
    assert.deepEqual(await ask(registry, "v2"), { kind: "found", digest });
  });

  test("knows no tag that was not pushed, and none in a repository that is not there", async () => {
    assert.deepEqual(await ask(registry, "v404"), { kind: "missing" });
    const parsed = parseImageName(`${registry.host}/nobody/nothing`);
    assert.ok("name" in parsed);
    const access = { credentials: undefined, signal: AbortSignal.timeout(60_000) };
    assert.deepEqual(await findDigest(parsed.name, "v1", access), { kind: "missing" });
  });
});

describe("a registry with users", { skip: registryMissing }, () => {
  let registry: Registry;
  let digest: string;
  before(async () => {
    registry = await startRegistry({ configuration: { auth: passwordAuth(folder) } });
    digest = await pushImage(registry, "stut/blog", "v1", { authorization: basic });
  });
  after(() => registry.stop());

  test("tells one who has the password", async () => {
    assert.deepEqual(await ask(registry, "v1", { credentials: registryUser }), { kind: "found", digest });
  });

  test("refuses the others, for good", async () => {
    const none = await ask(registry, "v1");
    assert.deepEqual(none, {
      kind: "refused",
      problem: "it wants a user and a password, and none are configured",
    });
    const wrong = await ask(registry, "v1", { credentials: { username: "ci", password: "wrong" } });
    assert.deepEqual(wrong, {
      kind: "refused",
      problem: "it does not let these credentials read the tag (401)",
    });
  });

  test("is read with what `docker login` left in a config.json", async () => {
    const file = join(folder, "login.json");
    const auth = Buffer.from(`${registryUser.username}:${registryUser.password}`).toString("base64");
    writeFileSync(file, JSON.stringify({ auths: { [registry.host]: { auth } } }));
    const lookup = { environment: {}, signal: AbortSignal.timeout(60_000) };
    const credentials = await readDockerCredentials(file, registry.host, lookup);
    assert.deepEqual(await ask(registry, "v1", { credentials }), { kind: "found", digest });
  });

  test("is read with what a credential helper says", async () => {
    const helper = join(folder, "docker-credential-test");
    const answer = JSON.stringify({ Username: registryUser.username, Secret: registryUser.password });
    writeFileSync(
      helper,
      `#!/bin/sh\nread -r server\n[ "$1 $server" = "get ${registry.host}" ] && echo '${answer}'\n`,
    );
    chmodSync(helper, 0o755);
    const file = join(folder, "helper.json");
    writeFileSync(file, JSON.stringify({ credHelpers: { [registry.host]: "test" } }));
    const environment = { PATH: `${folder}:${process.env["PATH"]}` };
    const signal = AbortSignal.timeout(60_000);
    const credentials = await readDockerCredentials(file, registry.host, { environment, signal });
    assert.deepEqual(await ask(registry, "v1", { credentials }), { kind: "found", digest });
  });
});

describe("a registry with a token server", { skip: registryMissing }, () => {
  let tokens: TokenServer;
  let registry: Registry;
  let digest: string;
  before(async () => {
    tokens = await startTokenServer(createCertificate(folder));
    registry = await startRegistry({ configuration: { auth: tokens.auth } });
    const authorization = `Bearer ${tokens.grant("stut/blog")}`;
    digest = await pushImage(registry, "stut/blog", "v1", { authorization });
  });
  after(async () => {
    await registry.stop();
    await tokens.stop();
  });

  test("is asked with a token that user and password got, for reading this repository only", async () => {
    tokens.requests.length = 0;
    assert.deepEqual(await ask(registry, "v1", { credentials: registryUser }), { kind: "found", digest });
    assert.deepEqual(tokens.requests, [
      "GET /token?service=test-registry&scope=repository%3Astut%2Fblog%3Apull&account=ci",
    ]);
  });

  test("is asked with a token that an identity token got", async () => {
    tokens.requests.length = 0;
    assert.deepEqual(await ask(registry, "v1", { credentials: { identityToken } }), {
      kind: "found",
      digest,
    });
    assert.match(
      tokens.requests[0] ?? "",
      /^POST \/token grant_type=refresh_token&service=test-registry&scope=repo/,
    );
  });

  test("is not asked further when its token server refuses", async () => {
    const answer = await ask(registry, "v1", { credentials: { username: "ci", password: "wrong" } });
    const { host } = new URL(tokens.realm);
    assert.deepEqual(answer, { kind: "refused", problem: `its token server ${host} answered 401` });
  });
});

describe("a registry with a certificate of its own", { skip: registryMissing }, () => {
  test("is trusted with the authority that the config names, and not without", async () => {
    const { certificate, key, certificatePem } = createCertificate(folder);
    const registry = await startRegistry({ tls: { certificate, key } });
    try {
      const tls = { ca: Buffer.from(certificatePem) };
      assert.deepEqual(await ask(registry, "v1", { tls }), { kind: "missing" });
      await assert.rejects(ask(registry, "v1", { insecure: false }), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    } finally {
      await registry.stop();
    }
  });
});
