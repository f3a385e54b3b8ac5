import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { parseConfig } from "../../hook/config/load.ts";
import { newSigningKey } from "../../hook/secret/secret.ts";
import { blocksOf, completeConfig, environmentOf, hookPages } from "../support/documented-configs.ts";
import { configOf, script, secretOf, startHook } from "../support/hook.ts";

describe("the examples of the hook's docs", () => {
  for (const file of hookPages) {
    for (const [index, example] of blocksOf(file, "yaml").entries()) {
      test(`are valid: ${file}, number ${index + 1}`, () => {
        const result = parseConfig(completeConfig(example), "hook.yaml", environmentOf(example));
        assert.ok("config" in result, "problems" in result ? result.problems.join("\n") : "");
      });
    }
  }
});

describe("the commands of docs/hook/webhooks.md", () => {
  const run = promisify(execFile);

  test("deploy when they are run: signed in a shell, and plain in all three forms", async () => {
    const key = newSigningKey();
    const target = script("exit 0");
    const hook = await startHook(
      configOf({ blog: target, signed: target })
        .replace("image: stut/blog", "image: ghcr.io/acme/blog")
        .replace(
          /(signed:\n +image: .*)/,
          () =>
            `signed:\n    image: ghcr.io/acme/blog\n    webhook: { source: standard-webhooks, signing: ["${key}"] }`,
        ),
    );
    try {
      const [signed = "", plain = ""] = blocksOf("hook/webhooks.md", "sh");
      const digest = `sha256:${"ab".repeat(32)}`;
      const urlOf = (service: string) => `${hook.origin}/hooks/${service}/${secretOf(service)}`;
      const environment = { PATH: process.env["PATH"], HOOK_KEY: key, CI_JOB_ID: "7" };
      const shell = (text: string, service: string) =>
        run("/bin/sh", ["-ec", text], { env: { ...environment, HOOK_URL: urlOf(service) } });
      assert.match((await shell(signed, "signed")).stdout, /"status":"accepted"/);
      assert.match((await shell(signed, "signed")).stdout, /"status":"duplicate"/);
      const { stdout } = await shell(plain.replace("sha256:…", digest), "blog");
      assert.equal(stdout.match(/"status":"(?:accepted|duplicate)"/g)?.length, 3, stdout);
    } finally {
      await hook.stop();
    }
  });
});
