import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseConfig } from "../../../hook/config/load.ts";
import { needsVerifying } from "../../../hook/source/setting.ts";
import { configOf, script } from "../../support/hook.ts";

function parse(webhook: string) {
  const yaml = configOf({ blog: script("exit 0") }).replace(
    "target:",
    () => `webhook: ${webhook}\n    target:`,
  );
  return parseConfig(yaml, "hook.yaml", {});
}

function problemsOf(webhook: string): string {
  const result = parse(webhook);
  return "problems" in result ? result.problems.join("\n") : "";
}

const pair = "audience: a, email: pusher@acme.iam.gserviceaccount.com";

describe("webhook.oidc", () => {
  test("fixes the sender, and has every webhook verified", () => {
    const result = parse(`{ oidc: { ${pair} } }`);
    assert.ok("config" in result);
    const { webhook } = result.config.services.get("blog") ?? assert.fail();
    assert.equal(webhook.source, "google-artifact-registry");
    assert.ok(needsVerifying(webhook));
    assert.equal(webhook.oidc?.jwksUrl.href, "https://www.googleapis.com/oauth2/v3/certs");
    assert.deepEqual(webhook.oidc?.issuers, ["https://accounts.google.com", "accounts.google.com"]);
  });

  const wrong: [webhook: string, problem: RegExp][] = [
    ["{ oidc: { audience: a } }", /oidc\.email: missing/],
    ["{ oidc: { email: a@example.com } }", /oidc\.audience: missing/],
    ["{ oidc: { audience: '', email: a@example.com } }", /oidc\.audience: is empty/],
    ["{ oidc: { audience: a, email: pusher } }", /must be the address of a service account/],
    [`{ oidc: { ${pair}, jwksUrl: 'http://keys.example/' } }`, /must be an https URL/],
    [`{ oidc: { ${pair}, jwksUrl: 'http://127.0.0.1.keys.example/' } }`, /must be an https URL/],
    [`{ oidc: { ${pair}, jwksUrl: keys } }`, /must be an https URL/],
    [`{ oidc: { ${pair}, algorithm: none } }`, /algorithm/],
    [`{ source: harbor, oidc: { ${pair} } }`, /for the source google-artifact-registry only/],
    [`{ signing: [key-0123456789abcdef], oidc: { ${pair} } }`, /Pub\/Sub does not sign with `signing`/],
    [
      "{ source: google-artifact-registry, signing: [key-0123456789abcdef] }",
      /Pub\/Sub does not sign with `signing`/,
    ],
  ];
  for (const [webhook, problem] of wrong) {
    test(`is refused at load as ${webhook}`, () => assert.match(problemsOf(webhook), problem));
  }

  test("may have keys on this machine itself, and another issuer", () => {
    for (const host of ["127.0.0.1:8080", "[::1]:8080", "localhost"]) {
      const webhook = `{ oidc: { ${pair}, issuer: mine, jwksUrl: 'http://${host}/keys' } }`;
      assert.equal(problemsOf(webhook), "");
    }
  });
});
