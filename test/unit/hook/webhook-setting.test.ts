import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseConfig } from "../../../hook/config/load.ts";
import { configOf, script } from "../../support/hook.ts";

function problemsOf(lines: string, environment = {}): string {
  const yaml = configOf({ blog: script("exit 0") }).replace("target:", () => `${lines}\n    target:`);
  const result = parseConfig(yaml, "hook.yaml", environment);
  return "problems" in result ? result.problems.join("\n") : "";
}

describe("a service's `webhook`", () => {
  const good = [
    "webhook: {}",
    "webhook: { source: github }",
    "webhook: { signing: [aaaaaaaaaaaaaaaa] }",
    "webhook: { signing: [{ env: KEY }, aaaaaaaaaaaaaaaa] }",
    "webhook: { signing: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw] }",
    "webhook: { gitlab: {} }",
    "webhook: { gitlab: { on: tag } }",
    "webhook: { gitlab: { on: [pipeline, release], branches: ^main$, imageTag: ref-slug, project: acme/web } }",
    "webhook: { gitlab: { on: job, job: build } }",
    "webhook: { gitlab: { on: deployment, environment: production } }",
    "aliases: [reg:5000/acme/web, quay.io/acme/web]",
  ];
  for (const lines of good) {
    test(`may be ${lines}`, () => assert.equal(problemsOf(lines, { KEY: "b".repeat(16) }), ""));
  }

  const wrong: [lines: string, problem: RegExp][] = [
    ["webhook: { source: gogs }", /services\.blog\.webhook\.source: expected one of "gitea"\|"github"/],
    ["webhook: { signin: [] }", /webhook\.signin: unknown key; did you mean `signing`/],
    ["webhook: { signing: [] }", /webhook\.signing: needs at least one key/],
    ["webhook: { signing: [a, b, c] }", /webhook\.signing: takes two keys at most/],
    ["webhook: { signing: [short] }", /webhook\.signing\.0: has 5 characters; a key needs at least 16/],
    ["webhook: { signing: [whsec_AAAA] }", /webhook\.signing\.0: whsec_ must be followed by 24 to 64 bytes/],
    ["webhook: { signing: ['whsec_no base64 at all, but long enough'] }", /whsec_ must be followed by/],
    ["webhook: { signing: [{ env: NOT_SET }] }", /signing\.0: the environment variable NOT_SET is not set/],
    ["webhook: { gitlab: { on: job } }", /webhook\.gitlab: on: job needs `job`, the job's name/],
    ["webhook: { gitlab: { on: [deployment] } }", /webhook\.gitlab: on: deployment needs `environment`/],
    ["webhook: { gitlab: { on: [] } }", /webhook\.gitlab\.on/],
    ["webhook: { gitlab: { on: push } }", /webhook\.gitlab\.on/],
    ["webhook: { gitlab: { imageTag: latest } }", /webhook\.gitlab\.imageTag: expected one of "ref"/],
    ["webhook: { gitlab: { branches: '(' } }", /webhook\.gitlab\.branches: not a regular expression/],
    ["aliases: [reg:5000/acme/web:v1]", /aliases\.0: has a tag/],
  ];
  for (const [lines, problem] of wrong) {
    test(`is refused as ${lines}`, () => assert.match(problemsOf(lines), problem));
  }

  test("is never repeated in what is wrong with it", () => {
    for (const key of ["whsec_AAAA", "my-secret-key"]) {
      assert.doesNotMatch(problemsOf(`webhook: { signing: [${key}] }`), /AAAA|my-secret-key/);
    }
  });
});

describe("the config's limits and proxies", () => {
  const wrong: [more: string, problem: RegExp][] = [
    ["limits: { perAddress: 0 }", /limits\.perAddress/],
    ["limits: { perService: many }", /limits\.perService/],
    ["limits: { perHost: 1 }", /limits\.perHost: unknown key/],
    ["trustedProxies: 10.0.0.0/8", /trustedProxies/],
    ["trustedProxies: [10.0.0.0/8, proxy.example]", /trustedProxies\.1: not an address or a network/],
  ];
  for (const [more, problem] of wrong) {
    test(`are refused as ${more}`, () => {
      const result = parseConfig(configOf({ blog: script("exit 0") }, more), "hook.yaml", {});
      assert.match("problems" in result ? result.problems.join("\n") : "", problem);
    });
  }
});
