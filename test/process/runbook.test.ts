/** Each failure of docs/runbook.md is made to happen, and what it looks like compared with what is quoted there. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { dockerHubBody, postWebhook } from "../support/hook.ts";
import { canMount, type Rehearsal, startRehearsal } from "../support/rehearsal.ts";

const text = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");

/** The first quoted output under a heading. */
function quotedUnder(heading: string): string {
  const [, quoted] = new RegExp(`^## ${heading}\n.*?^\`\`\`text\n(.*?)^\`\`\``, "ms").exec(text) ?? [];
  assert.ok(quoted !== undefined, `docs/runbook.md quotes nothing under ${heading}`);
  return quoted;
}

/** What is another each time, and what an operator has of their own. */
function normalize(shown: string): string {
  return (
    shown
      .replace(/\d\d:\d\d:\d\d/g, "hh:mm:ss")
      .replace(/\/\S*\/(?=hook\.|sites\/|layout)/g, "/FOLDER/")
      .replace(/unpack-\w+/g, "unpack-N")
      // How often a probe is made within a second is the machine's affair.
      .replace(/^.* … the same .*\n/gm, "")
      .replace(/(?:127\.0\.0\.1|[\w.-]+\.example\.org)(?::\d+)?/g, "HOST")
      .replace(/\d+(?:\.\d+)? (?:ms|s|seconds?)\b/g, "N s")
      .replace(/deployment \d+/g, "deployment N")
      .replace(/\d+ KiB left/g, "N KiB left")
      .trim()
  );
}

describe("docs/runbook.md quotes what is really shown:", () => {
  let rehearsal: Rehearsal;
  before(async () => {
    rehearsal = await startRehearsal();
  });
  after(() => rehearsal?.stop());

  const push = (service: string, tag: string) =>
    rehearsal.hook.push(tag, { service, image: rehearsal.imageOf(service) });

  const failures: [heading: string, service: string][] = [
    ["The image is not there", "missing"],
    ["The registry's login is wrong", "login"],
    ["The engine is away", "away"],
    ["The release is not healthy", "unhealthy"],
    ["The engine does not allow it", "forbidden"],
    ["Nomad has no place for it", "unplaced"],
    ["The disk is full", "full"],
    ["It takes too long", "slow"],
    ["A command fails", "broken"],
    ["It waits", "closed"],
  ];
  for (const [heading, service] of failures) {
    test(heading, {
      skip: service === "full" && !canMount && "only root can mount a small disk",
    }, async () => {
      assert.equal((await push(service, "v2")).status, 202);
      assert.equal(normalize(await rehearsal.logOf(service)), normalize(quotedUnder(heading)));
    });
  }

  test("The tag is refused", async () => {
    const answer = await push("policy", "latest");
    assert.equal(normalize(await answer.text()), normalize(quotedUnder("The tag is refused")));
  });

  test("The webhook does not arrive", async () => {
    const url = `${rehearsal.hook.origin}/hooks/policy/a-wrong-secret-0123456789`;
    const answer = await postWebhook(url, dockerHubBody("stut/policy", "v2"));
    const shown = `${answer.status} ${await answer.text()}`;
    assert.equal(normalize(shown), normalize(quotedUnder("The webhook does not arrive")));
  });

  test("The store is damaged", async () => {
    assert.equal(normalize(await rehearsal.startDamaged()), normalize(quotedUnder("The store is damaged")));
  });
});
