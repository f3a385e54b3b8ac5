/** The swarm target with real swarms: each Engine is a machine of its own (test/support/engine-nodes.ts). */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { RolloutConfig } from "../../hook/engine-api/services.ts";
import { startEngineGateway } from "../support/engine-gateway.ts";
import { configOf, dockerHubBody, postWebhook, secretOf, startHook, until } from "../support/hook.ts";
import {
  anyPort,
  createSwarmTarget,
  keepAsking,
  pushReleases,
  reasonOf,
  report,
  startSwarm,
  swarmMissing,
  type TestSwarm,
  untilServing,
} from "../support/swarm.ts";

const quick = { monitor: "500ms" };
const signal = () => AbortSignal.timeout(60_000);

describe("the swarm target, on one node", { skip: swarmMissing }, () => {
  let swarm: TestSwarm;
  let digests: Map<string, string>;
  before(async () => {
    swarm = await startSwarm();
    digests = await pushReleases(swarm);
  });
  after(() => swarm.stop());

  const targetOf = (options: object, engine = swarm.manager.host) =>
    createSwarmTarget({ engine, ...quick, ...options }, swarm.image);
  const versionOf = (service: string) => swarm.inspect<number>(service, ".Version.Index");
  const imageOf = (service: string) =>
    swarm.inspect<string>(service, ".Spec.TaskTemplate.ContainerSpec.Image");

  describe("with two tasks and somebody who keeps asking them", () => {
    const target = () => targetOf({ service: "www" });
    before(async () => {
      const own = [
        "--label",
        "team=web",
        "--env",
        "MINE=1",
        "--mount",
        "type=tmpfs,target=/tmp",
        "--limit-memory",
        "32m",
      ];
      await swarm.createService("www", [...anyPort, ...own, "--replicas", "2"], `${swarm.image}:v1`);
      await untilServing(swarm, "www", "v1", 2);
    });

    test("says what it would do, and what there is", async () => {
      const result = await target().target.check?.({ signal: signal() });
      const detail = `Docker .* would update www, which runs ${swarm.image}:v1 \\(start-first\\)$`;
      assert.ok(result?.ok && new RegExp(detail).test(result.detail), JSON.stringify(result));
      assert.deepEqual(await target().target.current?.({ signal: signal() }), {
        tag: "v1",
        digest: digests.get("v1"),
      });
    });

    test("rolls a new release out without losing a request, by its digest, and keeps the rest of the service", async (t) => {
      const asking = keepAsking(swarm, "www");
      const outcome = await target().deploy("v2");
      const tally = await asking.stop();
      assert.equal(outcome.kind, "succeeded", reasonOf(outcome));
      assert.ok(outcome.kind === "succeeded" && outcome.isConverged);
      assert.deepEqual(tally.failures, []);
      assert.ok(tally.pages.has("v1") && tally.pages.has("v2") && tally.requests > 100);
      report(t, "a good update", tally);
      assert.equal(await imageOf("www"), `${swarm.image}:v2@${digests.get("v2")}`);
      const spec = await swarm.inspect<Record<string, Record<string, unknown>>>("www", ".Spec");
      assert.deepEqual(spec["Labels"], { team: "web" });
      const container = spec["TaskTemplate"]?.["ContainerSpec"] as Record<string, unknown>;
      assert.deepEqual(container["Env"], ["MINE=1"]);
      assert.deepEqual(container["Mounts"], [{ Type: "tmpfs", Target: "/tmp" }]);
      const { Order, FailureAction } = spec["UpdateConfig"] as RolloutConfig;
      assert.deepEqual([Order, FailureAction], ["start-first", "rollback"]);
    });

    test("does not touch a service that has the release", async () => {
      const version = await versionOf("www");
      const outcome = await target().deploy("v2");
      assert.ok(outcome.kind === "succeeded" && /it runs it already/.test(outcome.summary));
      assert.equal(await versionOf("www"), version);
    });

    test("tells that a release whose health check fails was rolled back, and why; nobody noticed", async (t) => {
      const asking = keepAsking(swarm, "www");
      const outcome = await target().deploy("sick");
      const tally = await asking.stop();
      assert.equal(outcome.kind, "rolled-back");
      assert.match(
        reasonOf(outcome),
        /^the swarm has rolled www back: .* on node1; its health check failed: .*unknown flag/,
      );
      assert.deepEqual([tally.failures, [...tally.pages.keys()]], [[], ["v2"]]);
      report(t, "an update to a release whose health check fails", tally);
      assert.equal(await imageOf("www"), `${swarm.image}:v2@${digests.get("v2")}`);
    });

    test("tells that a release that ends at its start was rolled back, with its last words; nobody noticed", async (t) => {
      const asking = keepAsking(swarm, "www");
      const outcome = await target().deploy("crash");
      const tally = await asking.stop();
      assert.equal(outcome.kind, "rolled-back");
      assert.match(
        reasonOf(outcome),
        /non-zero exit \(2\) on node1.*; its last words: statigo: unknown flag/,
      );
      assert.deepEqual([tally.failures, [...tally.pages.keys()]], [[], ["v2"]]);
      report(t, "an update to a release that ends at its start", tally);
    });

    test("replaces one task only by a release that ends at its start and has no health check to tell", async (t) => {
      const asking = keepAsking(swarm, "www");
      const outcome = await target().deploy("unchecked");
      const tally = await asking.stop();
      assert.equal(outcome.kind, "rolled-back");
      assert.deepEqual([tally.failures, [...tally.pages.keys()]], [[], ["v2"]]);
      report(t, "the same without a health check", tally);
    });

    test("fails before anything moves when the tag is not there", async () => {
      const version = await versionOf("www");
      const outcome = await target().deploy("nowhere");
      assert.ok(outcome.kind === "failed" && outcome.engine === "unchanged" && !outcome.isTemporary);
      assert.match(
        outcome.reason,
        /^there is no .*:nowhere in its registry \(.*manifest unknown.*\): is it pushed\?$/,
      );
      assert.equal(await versionOf("www"), version);
    });

    test("goes back to the very image that a release was, although its tag was pushed again", async (t) => {
      await swarm.push("v1", { page: "another v1" });
      const asking = keepAsking(swarm, "www");
      const outcome = await target().rollback({ tag: "v1", digest: digests.get("v1") ?? null });
      const tally = await asking.stop();
      assert.equal(outcome.kind, "succeeded", reasonOf(outcome));
      assert.deepEqual([tally.failures, tally.pages.has("another v1")], [[], false]);
      report(t, "going back", tally);
      await untilServing(swarm, "www", "v1", 2);
      // Nobody wrote v2's digest down: the swarm still has it as what was before.
      const again = target();
      assert.equal((await again.rollback({ tag: "v2", digest: null })).kind, "succeeded");
      assert.equal(await imageOf("www"), `${swarm.image}:v2@${digests.get("v2")}`);
    });

    test("reads again when somebody else changes the service in between, and keeps their change", async () => {
      let others = 0;
      const gateway = await startEngineGateway(swarm.manager, async ({ method }) => {
        if (method === "POST" && others++ === 0)
          await swarm.manager.run("service", "update", "--detach", "--label-add", "other=1", "www");
        return undefined;
      });
      const { deploy, lines } = targetOf({ service: "www" }, gateway.address);
      const outcome = await deploy("v3");
      await gateway.stop();
      assert.equal(outcome.kind, "succeeded", reasonOf(outcome));
      assert.ok(
        lines().some((line) => /www was changed by somebody else meanwhile \(try 1 of 5\)/.test(line)),
      );
      assert.equal(await imageOf("www"), `${swarm.image}:v3@${digests.get("v3")}`);
      assert.deepEqual(await swarm.inspect("www", ".Spec.Labels"), { team: "web", other: "1" });
    });

    test("gives up for now after five lost races, and nothing has changed", async () => {
      let others = 0;
      const gateway = await startEngineGateway(swarm.manager, async ({ method }) => {
        if (method === "POST")
          await swarm.manager.run(
            "service",
            "update",
            "--detach",
            "--label-add",
            `other=${++others + 1}`,
            "www",
          );
        return undefined;
      });
      const outcome = await targetOf({ service: "www" }, gateway.address).deploy("v2");
      await gateway.stop();
      assert.equal(others, 5);
      assert.ok(outcome.kind === "failed" && outcome.isTemporary && outcome.engine === "unchanged");
      assert.match(outcome.reason, /kept being changed by somebody else \(.*update out of sequence\)/);
    });

    test("an update that was left is followed by the next one, not begun again", async () => {
      const { deploy } = target();
      const left = new AbortController();
      const first = deploy("v2", { signal: left.signal });
      await until("the swarm is at work", async () => {
        const state = await swarm.inspect<{ State?: string } | null>("www", ".UpdateStatus");
        return state?.State === "updating";
      });
      left.abort();
      const ended = await first;
      assert.ok(ended.kind === "failed" && ended.engine === "changed");
      const again = target();
      const outcome = await again.deploy("v2");
      assert.equal(outcome.kind, "succeeded", reasonOf(outcome));
      assert.ok(again.lines().some((line) => /www: the swarm is at work on .*:v2@.* already/.test(line)));
    });

    test("is done from webhook to changed page, and rolled back when the next is not healthy", async () => {
      const options = JSON.stringify({ swarm: { engine: swarm.manager.host, service: "www", ...quick } });
      const yaml = configOf({ blog: options }).replace("image: stut/blog", `image: "${swarm.image}"`);
      const hook = await startHook(yaml);
      try {
        const url = `${hook.origin}/hooks/blog/${secretOf("blog")}`;
        const push = (tag: string) => postWebhook(url, dockerHubBody(swarm.image, tag));
        assert.equal((await push("v3")).status, 202);
        const { state: first, digest } = await hook.untilEnded(1);
        // The webhook brought none: what the swarm was given is what a rollback will have to bring back.
        assert.deepEqual([first, digest], ["succeeded", digests.get("v3")]);
        await untilServing(swarm, "www", "v3", 2);
        await push("sick");
        const { state, reason, rolledBackTo } = await hook.untilEnded(2);
        assert.deepEqual([state, rolledBackTo], ["rolled-back", "v3"], reason ?? "");
        await untilServing(swarm, "www", "v3", 2);
      } finally {
        await hook.stop();
      }
    });
  });
});
