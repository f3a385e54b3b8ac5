import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { parseConfig } from "../../hook/config/load.ts";
import { newSecret } from "../../hook/secret/secret.ts";
import { hashSecret, isOneOf, type SecretHash } from "../../hook/secret/secret-hash.ts";
import { configOf, dockerHubBody, postWebhook, script, startHook, type TestHook } from "../support/hook.ts";

const [oldSecret, newerSecret, hashedSecret] = [newSecret(), newSecret(), newSecret()];
const hashOf = (secret: string) => hashSecret(secret).toString("hex");

function yamlWith(secret: string): string {
  return configOf({ blog: script("exit 0") }).replace(/secret: .*/, () => `secret: ${secret}`);
}

function load(secret: string): readonly SecretHash[] | string {
  const result = parseConfig(yamlWith(secret), "hook.yaml", { NEW: newerSecret });
  if ("problems" in result) return result.problems.join("\n");
  return result.config.services.get("blog")?.secrets ?? [];
}

describe("a service's URL secret", () => {
  const forms: [form: string, secrets: string[]][] = [
    [oldSecret, [oldSecret]],
    ["{ env: NEW }", [newerSecret]],
    [`["\${NEW}", ${oldSecret}]`, [newerSecret, oldSecret]],
    [`{ sha256: ${hashOf(hashedSecret)} }`, [hashedSecret]],
    [`{ sha256: ${hashOf(hashedSecret).toUpperCase()} }`, [hashedSecret]],
    [`[{ sha256: ${hashOf(hashedSecret)} }, { env: NEW }]`, [hashedSecret, newerSecret]],
  ];
  for (const [form, secrets] of forms) {
    test(`may be written as ${form.replaceAll(/[\w-]{40,}/g, "…")}`, () => {
      const found = load(form);
      assert.ok(typeof found !== "string", String(found));
      assert.deepEqual(
        found.map((hash) => hash.toString("hex")),
        secrets.map(hashOf),
      );
      for (const secret of secrets) assert.equal(isOneOf(secret, found), true);
      for (const other of ["", newSecret(), hashOf(hashedSecret)]) assert.equal(isOneOf(other, found), false);
    });
  }

  const wrong: [form: string, problem: RegExp][] = [
    ["[]", /services\.blog\.secret: takes one secret, or a list of two/],
    [`[${newSecret()}, ${newSecret()}, ${newSecret()}]`, /services\.blog\.secret: takes one secret/],
    [`[${oldSecret}, short]`, /:\d+:\d+ services\.blog\.secret\.1: has 5 characters/],
    ["{ sha256: abc }", /services\.blog\.secret: sha256 must have the 64 hexadecimal digits/],
    [`{ sha256: ${hashOf("a")}, env: NEW }`, /services\.blog\.secret: sha256 must have/],
    [`[${oldSecret}, ${oldSecret}]`, /services\.blog\.secret: the same secret as services\.blog\.secret/],
    [`[${oldSecret}, { sha256: ${hashOf(oldSecret)} }]`, /the same secret as/],
    ["[[a]]", /services\.blog\.secret\.0: must be a text/],
  ];
  for (const [form, problem] of wrong) {
    test(`is refused as ${form.replaceAll(/[\w-]{40,}/g, "…")}`, () =>
      assert.match(String(load(form)), problem));
  }

  test("is 32 random bytes when the hook makes it, and stands in a URL as it is", () => {
    assert.match(newSecret(), /^[A-Za-z0-9_-]{43}$/);
    assert.equal(new Set(Array.from({ length: 100 }, newSecret)).size, 100);
  });

  test("costs the same comparisons whether there are none, one or two", () => {
    const hashes = [oldSecret, newerSecret].map(hashSecret);
    assert.equal(isOneOf(oldSecret, []), false);
    assert.equal(isOneOf("", []), false);
    assert.equal(isOneOf(newerSecret, hashes.slice(0, 1)), false);
    assert.equal(isOneOf(newerSecret, hashes), true);
  });
});

describe("while a secret is being changed", () => {
  let hook: TestHook;
  before(async () => {
    hook = await startHook(yamlWith(`[{ sha256: ${hashOf(hashedSecret)} }, ${oldSecret}]`));
  });
  after(() => hook.stop());

  test("both URLs are the service's, and no other is", async () => {
    const statuses = [hashedSecret, oldSecret, newerSecret, hashOf(hashedSecret)].map(async (secret) => {
      const url = `${hook.origin}/hooks/blog/${secret}`;
      return (await postWebhook(url, dockerHubBody("stut/blog", "latest"))).status;
    });
    assert.deepEqual(await Promise.all(statuses), [202, 202, 404, 404]);
  });
});
