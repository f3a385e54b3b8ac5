// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the placeholders of the config
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { parseConfig } from "../../../hook/config/load.ts";
import { mask } from "../../../hook/config/shown.ts";

const environment = { BLOG_SECRET: "from-the-environment-0123", TOKEN: "token-of-the-environment" };

/** What is shown of a service that the file describes so. */
function shownOf(service: object): Record<string, unknown> {
  const yaml = JSON.stringify({ store: "./hook.db", services: { blog: { image: "acme/blog", ...service } } });
  const result = parseConfig(yaml, "hook.yaml", environment);
  if ("problems" in result) throw new Error(result.problems.join("\n"));
  return parse(result.config.shown.get("blog") ?? "").blog;
}

const secret = "written-here-0123456789";

describe("a service's config as it is shown", () => {
  for (const [what, written, shown] of [
    ["a secret that is written out", secret, mask],
    ["a secret of the environment", "${BLOG_SECRET}", "${BLOG_SECRET}"],
    ["a secret with more around it", "x${BLOG_SECRET}", mask],
    ["a secret named by its variable", { env: "BLOG_SECRET" }, { env: "BLOG_SECRET" }],
    ["a secret's hash", { sha256: "ab".repeat(32) }, { sha256: mask }],
    ["two secrets", [secret, "${BLOG_SECRET}"], [mask, "${BLOG_SECRET}"]],
  ] as const) {
    test(`has ${what} as ${JSON.stringify(shown)}`, () => {
      assert.deepEqual(shownOf({ secret: written })["secret"], shown);
    });
  }

  for (const [what, target, expected] of [
    [
      "a token of a target",
      { consul: { address: "http://127.0.0.1:8500", token: secret } },
      { consul: { address: "http://127.0.0.1:8500", token: mask } },
    ],
    [
      "a webhook's address, which is a secret by itself",
      {
        portainer: {
          serviceWebhook: "http://127.0.0.1:9000/api/webhooks/4c6d5a2e-9f0b-4a53-8a0e-2f6f3f3f9d11",
        },
      },
      { portainer: { serviceWebhook: mask } },
    ],
    [
      "a program's environment",
      { command: { run: ["./deploy.sh"], environment: { KEY: secret, OTHER: "${TOKEN}" } } },
      { command: { run: ["./deploy.sh"], environment: { KEY: mask, OTHER: "${TOKEN}" } } },
    ],
    [
      "targets in a list",
      [{ directory: {} }, { consul: { address: "http://127.0.0.1:8500", token: secret } }],
      [{ directory: {} }, { consul: { address: "http://127.0.0.1:8500", token: mask } }],
    ],
  ] as const) {
    test(`masks ${what}, and shows the rest`, () => {
      assert.deepEqual(shownOf({ secret, target })["target"], expected);
    });
  }

  test("shows a health gate, but none of its headers' values", () => {
    const verify = {
      url: "https://blog.example/version",
      headers: { authorization: secret },
      timeout: "20s",
    };
    assert.deepEqual(shownOf({ secret, verify })["verify"], { ...verify, headers: { authorization: mask } });
  });

  test("has nowhere what the environment holds, nor what was written as a secret", () => {
    const webhook = { signing: [secret] };
    const registry = { username: "anna", password: "${TOKEN}" };
    const text = JSON.stringify(shownOf({ secret: "${BLOG_SECRET}", webhook, registry }));
    for (const hidden of [secret, ...Object.values(environment)]) assert.ok(!text.includes(hidden), text);
    assert.ok(text.includes("anna"));
  });
});
