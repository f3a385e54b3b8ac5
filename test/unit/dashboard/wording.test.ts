import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Deployment, Running, Service } from "../../../hook/dashboard/client/answers.ts";
import type { Site } from "../../../hook/dashboard/client/data.ts";
import { matches } from "../../../hook/dashboard/client/search.ts";
import {
  conditionOf,
  describeAll,
  describeCause,
  describeHold,
  describeNeed,
  isOver,
  isUnderWay,
  needsSomebody,
} from "../../../hook/dashboard/client/wording.ts";
import { states } from "../../../hook/store/deployment.ts";

function deployment(given: Partial<Deployment> = {}): Deployment {
  const none = { digest: null, deliveryId: null, approvedBy: null, replaces: null, restores: null };
  const times = { pushedAt: null, notBefore: null, startedAt: null, verifyingAt: null, finishedAt: null };
  return {
    ...{ ...none, ...times, id: 2, service: "blog", image: "acme/blog", tag: "v2", source: "docker-hub" },
    ...{ target: "command", cause: "webhook", actor: "webhook", pusher: null, state: "succeeded" },
    ...{ reason: null, waitingFor: null, attempt: 1, rolledBackTo: null, acceptedAt: "2026-08-01T10:00:00Z" },
    ...given,
  } as Deployment;
}

function service(given: Partial<Service> = {}): Service {
  const release = { tag: "v1", digest: null, deployment: 1, since: "2026-08-01T10:00:00Z" };
  const held = {
    pausedAt: null,
    pausedBy: null,
    pausedReason: null,
    frozenUntil: null,
    frozenBy: null,
    frozenReason: null,
  };
  return {
    name: "blog",
    image: "acme/blog",
    target: "command",
    state: "active",
    release,
    ...held,
    last: null,
    next: null,
    ...given,
  };
}

function site(given: Partial<Service> = {}, health: Running["health"] | undefined = "healthy"): Site {
  const running = health && ({ service: "blog", health, healthDetail: null, imageBytes: null } as Running);
  return { service: service(given), recent: [], running };
}

const failed = site({ last: deployment({ state: "failed" }) });
const rolledBack = site({ last: deployment({ state: "rolled-back" }) });
const deploying = site({ last: deployment({ state: "verifying" }) }, "unhealthy");
const sick = site({ last: deployment({ state: "failed" }) }, "unhealthy");
const asking = site({ next: deployment({ tag: "v3", state: "waiting", waitingFor: "approval" }) });
const empty = site({ release: null }, "nothing" as Running["health"]);
const unseen: Site = { ...site(), running: undefined };

describe("how a service does", () => {
  const conditions: [what: string, of: Site, condition: ReturnType<typeof conditionOf>][] = [
    ["with nothing else to say", site(), "healthy"],
    ["that is deployed to, whatever its health", deploying, "deploying"],
    ["that is unhealthy, before its last deployment", sick, "unhealthy"],
    ["whose last deployment failed", failed, "failed"],
    ["whose last deployment was rolled back", rolledBack, "failed"],
    ["without a release", empty, "nothing"],
    ["that nobody has looked at", unseen, "pending"],
  ];
  for (const [what, of, condition] of conditions)
    test(`one ${what} is ${condition}`, () => assert.equal(conditionOf(of), condition));

  test("somebody is needed for what is broken and what waits for approval, and it is said why", () => {
    const needs = [sick, failed, rolledBack, asking];
    assert.deepEqual(needs.map(needsSomebody), [true, true, true, true]);
    assert.deepEqual([site(), deploying, empty, unseen].some(needsSomebody), false);
    assert.deepEqual(needs.map(describeNeed), [
      "is unhealthy",
      ": v2 failed",
      ": v2 was rolled back",
      ": v3 waits for approval",
    ]);
  });
});

test("the first sentence is of the worst there is", () => {
  const sentences: [all: Site[], sentence: string][] = [
    [[], "No service is yours to see."],
    [[site(), site()], "All is well."],
    [[site(), unseen], "Having a look…"],
    [[deploying, unseen], "1 deployment under way."],
    [[deploying, deploying, site()], "2 deployments under way."],
    [[failed, deploying], "blog needs you."],
    [[failed, asking, deploying], "2 services need you."],
  ];
  for (const [all, sentence] of sentences) assert.equal(describeAll(all), sentence);
});

test("a hold is said in a few words, approval first", () => {
  assert.equal(describeHold(service()), "");
  assert.equal(describeHold(service({ state: "frozen" })), "frozen");
  assert.equal(describeHold({ ...asking.service, state: "paused" }), "waits for approval: v3");
});

test("a deployment's cause names who asked for it", () => {
  assert.equal(describeCause(deployment()), "docker-hub webhook");
  assert.equal(describeCause(deployment({ pusher: "ci" })), "docker-hub webhook, pushed by ci");
  assert.equal(describeCause(deployment({ cause: "rollback", actor: "anna" })), "rolled back by anna");
});

test("every state is under way, over, or before both", () => {
  const before = states.filter((state) => !isUnderWay(state) && !isOver(state));
  assert.deepEqual(before, ["accepted", "waiting"]);
  assert.equal(
    states.some((state) => isUnderWay(state) && isOver(state)),
    false,
  );
});

test("a search finds every word, in name, image or tag, in capitals or not", () => {
  const blog = service({ name: "blog", image: "acme/journal" });
  for (const text of ["", "  ", "BLOG", "acme blog", "v1 jour"])
    assert.equal(matches(blog, text), true, text);
  for (const text of ["blogs", "blog v2", "acme/blog"]) assert.equal(matches(blog, text), false, text);
  assert.equal(matches(service({ release: null }), "v1"), false);
});
