/** The swarm target with several services, and with ones that are hard to update. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { until } from "../support/hook.ts";
import {
  anyPort,
  createSwarmTarget,
  keepAsking,
  pushReleases,
  reasonOf,
  startSwarm,
  swarmMissing,
  type TestSwarm,
  untilServing,
} from "../support/swarm.ts";

const quick = { monitor: "500ms" };
const signal = () => AbortSignal.timeout(60_000);

describe("the swarm target, with more than one service", { skip: swarmMissing }, () => {
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

  describe("with several services", () => {
    before(async () => {
      const own = ["--label", "site=pair", "--replicas", "1", ...anyPort];
      await swarm.createService("pair-a", own, `${swarm.image}:v2`);
      await swarm.createService("pair-b", [...own, "--no-healthcheck"], `${swarm.image}:v2`);
      for (const name of ["pair-a", "pair-b"]) await untilServing(swarm, name, "v2", 1);
    });

    test("updates them all, in turn or at once", async () => {
      const inTurn = await targetOf({ service: ["pair-b", "pair-a"] }).deploy("v3");
      assert.equal(inTurn.kind, "succeeded", reasonOf(inTurn));
      const atOnce = targetOf({ label: "site=pair", together: true });
      const outcome = await atOnce.deploy("v2");
      assert.ok(outcome.kind === "succeeded" && /pair-a: 1 of 1.*; pair-b: 1 of 1/.test(outcome.summary));
      for (const name of ["pair-a", "pair-b"]) await untilServing(swarm, name, "v2", 1);
    });

    for (const together of [false, true]) {
      test(`puts the others back when one fails, ${together ? "at once" : "in turn"}`, async () => {
        // Without its health check, one of them does not find out that the release is sick.
        const outcome = await targetOf({ service: ["pair-b", "pair-a"], together }).deploy("sick");
        assert.equal(outcome.kind, "rolled-back", reasonOf(outcome));
        assert.match(reasonOf(outcome), /^the swarm has rolled pair-a back: .*; pair-b was put back$/);
        for (const name of ["pair-a", "pair-b"]) {
          await untilServing(swarm, name, "v2", 1);
          assert.equal(await imageOf(name), `${swarm.image}:v2@${digests.get("v2")}`);
        }
      });
    }

    test("does nothing at all when one of them is not there", async () => {
      const version = await versionOf("pair-a");
      const outcome = await targetOf({ service: ["pair-a", "pair-c"] }).deploy("v3");
      assert.ok(outcome.kind === "failed" && outcome.engine === "unchanged");
      assert.match(outcome.reason, /has no service pair-c: `docker service ls` names them/);
      assert.equal(await versionOf("pair-a"), version);
    });
  });

  describe("with a service that cannot be updated as it should", () => {
    test("takes stop-first where each task has its node's port, and says why", async () => {
      const [port] = [20_000 + (process.pid % 10_000)];
      await swarm.createService(
        "fixed",
        ["--publish", `mode=host,target=3000,published=${port}`],
        `${swarm.image}:v2`,
      );
      await untilServing(swarm, "fixed", "v2", 1);
      const why = new RegExp(
        `stop-first: each task has port ${port} of its node, and no node of 1 node is without one`,
      );
      const check = await targetOf({ service: "fixed" }).target.check?.({ signal: signal() });
      assert.ok(check?.ok && why.test(check.detail), JSON.stringify(check));
      const insisting = targetOf({ service: "fixed", order: "start-first" });
      const refused = await insisting.target.check?.({ signal: signal() });
      assert.ok(
        refused?.ok === false && /the service fixed cannot be updated start-first/.test(refused.problem),
      );
      const failed = await insisting.deploy("v3");
      assert.ok(failed.kind === "failed" && failed.engine === "unchanged");
      const outcome = await targetOf({ service: "fixed" }).deploy("v3");
      assert.equal(outcome.kind, "succeeded", reasonOf(outcome));
      await untilServing(swarm, "fixed", "v3", 1);
      await swarm.manager.run("service", "rm", "fixed");
    });

    test("puts back what does not come to an end in its time, and says what it waited for", async () => {
      const total = await swarm.manager.run("info", "--format", "{{.MemTotal}}");
      const reserved = ["--reserve-memory", String(Math.floor(Number(total) * 0.6))];
      await swarm.createService("large", [...reserved, ...anyPort], `${swarm.image}:v2`);
      await untilServing(swarm, "large", "v2", 1);
      const asking = keepAsking(swarm, "large");
      const outcome = await targetOf({ service: "large", timeout: "5s" }).deploy("v3");
      const tally = await asking.stop();
      assert.equal(outcome.kind, "rolled-back", reasonOf(outcome));
      assert.match(
        reasonOf(outcome),
        /^large was not done after 5 s: 0 of 1 task runs it: no suitable node \(insufficient resources on 1 node\).*; large was put back$/,
      );
      assert.deepEqual(tally.failures, []);
      await swarm.manager.run("service", "rm", "large");
    });

    test("keeps the service's own way where the config says so, and puts back what that has paused", async () => {
      const own = [
        "--update-order",
        "start-first",
        "--update-failure-action",
        "pause",
        "--update-monitor",
        "1s",
      ];
      await swarm.createService("own", [...own, ...anyPort], `${swarm.image}:v2`);
      await untilServing(swarm, "own", "v2", 1);
      const before = await swarm.inspect("own", ".Spec.UpdateConfig");
      const asking = keepAsking(swarm, "own");
      const outcome = await targetOf({ service: "own", order: "spec" }).deploy("crash");
      const tally = await asking.stop();
      assert.equal(outcome.kind, "rolled-back", reasonOf(outcome));
      assert.match(
        reasonOf(outcome),
        /^the swarm has paused the update of own .*non-zero exit \(2\).*; own was put back$/,
      );
      assert.deepEqual([tally.failures, await swarm.inspect("own", ".Spec.UpdateConfig")], [[], before]);
      await swarm.manager.run("service", "rm", "own");
    });

    test("is done at once where there are no tasks, and refuses jobs", async () => {
      await swarm.createService("asleep", ["--replicas", "0"], `${swarm.image}:v2`);
      const outcome = await targetOf({ service: "asleep" }).deploy("v3");
      assert.ok(outcome.kind === "succeeded" && /asleep: it has no tasks to run/.test(outcome.summary));
      await swarm.manager.run(
        "service",
        "create",
        "--detach",
        "--quiet",
        "--name",
        "job",
        "--mode",
        "replicated-job",
        `${swarm.image}:v2`,
      );
      const refused = await targetOf({ service: "job" }).deploy("v3");
      assert.match(reasonOf(refused), /the service job is a job, which runs to its end and is not rolled/);
      await swarm.manager.run("service", "rm", "asleep", "job");
    });

    test("tells when somebody else's change came on top", async () => {
      await swarm.createService("shared", anyPort, `${swarm.image}:v2`);
      await untilServing(swarm, "shared", "v2", 1);
      const { deploy, lines } = targetOf({ service: "shared" });
      const running = deploy("v3");
      await until("it has begun", () => lines().some((line) => /0 of 1 task/.test(line)));
      await swarm.manager.run("service", "update", "--detach", "--image", `${swarm.image}:v1`, "shared");
      const outcome = await running;
      assert.ok(outcome.kind === "failed" && outcome.engine === "unknown");
      assert.match(outcome.reason, /somebody else has changed shared to .*:v1@.* meanwhile/);
      await swarm.manager.run("service", "rm", "shared");
    });
  });
});
