import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment } from "../../../cli/api/objects.ts";
import { describeOutcome, tookMs } from "../../../cli/api/wording.ts";

const times = { startedAt: "2026-08-01T10:09:50Z", finishedAt: "2026-08-01T10:10:00Z" };

function deployment(given: Partial<Deployment>): Deployment {
  const who = { source: "api", cause: "deploy", actor: "ann", pusher: null };
  const state = { state: "succeeded", reason: null, waitingFor: null, rolledBackTo: null };
  return {
    id: 7,
    service: "blog",
    tag: "v1",
    ...who,
    ...state,
    acceptedAt: times.startedAt,
    ...times,
    ...given,
  };
}

test("how long a deployment took counts from its first try, of an older hook's from the one that it tells", () => {
  const tried = deployment({ firstStartedAt: "2026-08-01T10:00:00Z" });
  assert.equal(tookMs(tried), 600_000);
  assert.match(describeOutcome(tried), /^blog v1 succeeded after 10 min/);
  assert.equal(tookMs(deployment({})), 10_000);
  assert.equal(tookMs(deployment({ firstStartedAt: null, startedAt: null })), undefined);
  assert.equal(tookMs(deployment({ finishedAt: null })), undefined);
});
