import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rollBackAction } from "../../../hook/dashboard/client/action.ts";
import type { Deployment, Service, SetUp } from "../../../hook/dashboard/client/answers.ts";

const release = { tag: "v2", digest: null, deployment: 2, since: "2026-08-01T10:00:00Z" };
const to = { tag: "v2", digest: null, deployment: 2, isPrevious: true };

function rollBackDuring(last: Partial<Deployment> | null) {
  const service = { name: "blog", image: "acme/blog", state: "active", release, last } as Service;
  return rollBackAction(service, { steps: [] } as unknown as SetUp, to, Date.parse(release.since));
}

describe("what is said before a rollback", () => {
  test("while another release goes out: that it is waited for, and how to stop it", () => {
    const { sentences, body } = rollBackDuring({ tag: "v3", state: "verifying" });
    assert.ok(sentences.includes("v3 is being deployed, and not stopped by this: cancel it for that."));
    assert.ok(sentences.includes("It begins when v3 has come to its end."));
    // What it says is what is done, though v3 may have ended before the button is pressed.
    assert.deepEqual(body, { tag: "v2" });
  });

  test("while the same tag goes out again: the hook knows which of the two is meant", () => {
    assert.deepEqual(rollBackDuring({ tag: "v2", state: "deploying" }).body, {});
  });

  test("between two tries of another release: that it is given up", () => {
    const { sentences } = rollBackDuring({ tag: "v3", state: "waiting", waitingFor: "retry" });
    assert.ok(sentences.includes("v3, which waits for its next try, is given up."));
  });

  test("with nothing under way: neither of it", () => {
    for (const last of [null, { tag: "v3", state: "failed", waitingFor: null } as const])
      assert.equal(rollBackDuring(last).sentences.length, 2);
  });
});
