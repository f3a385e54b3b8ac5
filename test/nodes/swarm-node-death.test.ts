/**
 * A machine of a swarm dies in the middle of an update, as in a power failure. What a swarm makes of it depends on when
 * it was: what is asserted is what the hook promises whatever that is. The swarm's own updater waits for ever for a task
 * that was starting on the machine, for it has no time limit for one; a manager takes 15 to 20 s to miss a machine.
 */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { Outcome } from "../../hook/target/target.ts";
import { until } from "../support/hook.ts";
import {
  anyPort,
  createSwarmTarget,
  keepAsking,
  reasonOf,
  startSwarm,
  swarmMissing,
  type TestSwarm,
  untilServing,
} from "../support/swarm.ts";

const replicas = 3;
/** The swarm's own: until a task's first health check it is starting, which is when the machine is to die. */
const startingSeconds = 4;

const starting = /^(?:assigned|accepted|preparing|ready|starting)$/;
const waitedFor = /^www was not done after \d+ s: \d of 3 tasks run it/;

interface ListedTask {
  ID: string;
  image: string;
  node: string;
  wanted: string;
  state: string;
}

function tagOf(image: string): string | undefined {
  return /:(v\d)@/.exec(image)?.[1];
}

describe("a machine that dies in the middle of a swarm's update", { skip: swarmMissing }, () => {
  let swarm: TestSwarm;
  beforeEach(async () => {
    swarm = await startSwarm({ count: 3 });
    for (const tag of ["v1", "v2"]) await swarm.push(tag);
    // Not on the manager: so one of the two workers has each task, whichever is to die.
    const place = ["--constraint", "node.role==worker", "--update-order", "start-first", ...anyPort];
    const own = ["--replicas", `${replicas}`, "--health-interval", `${startingSeconds}s`];
    await swarm.createService("www", [...own, ...place], `${swarm.image}:v1`);
    await untilServing(swarm, "www", "v1", replicas);
  });
  afterEach(() => swarm.stop());

  /** As `docker service ps` tells it, with the swarm's own words for the states. */
  async function listTasks(): Promise<ListedTask[]> {
    const ids = (await swarm.manager.run("service", "ps", "--quiet", "--no-trunc", "www")).split("\n");
    const format = "{{.ID}} {{.Spec.ContainerSpec.Image}} {{.NodeID}} {{.DesiredState}} {{.Status.State}}";
    const lines = (await swarm.manager.run("inspect", "--type", "task", "--format", format, ...ids)).split(
      "\n",
    );
    const nodes = new Map(
      (await swarm.manager.run("node", "ls", "--format", "{{.ID}} {{.Hostname}}"))
        .split("\n")
        .map((line) => line.split(" ") as [string, string]),
    );
    return lines.map((line) => {
      const [ID = "", image = "", node = "", wanted = "", state = ""] = line.split(" ");
      return { ID, image, node: nodes.get(node) ?? "", wanted, state };
    });
  }

  interface Death {
    outcome: Outcome;
    log: string;
    elapsedMs: number;
    /** When the hook would have given it up. */
    limitMs: number;
    machine: string;
    /** What the manager last heard of the task that the machine was chosen by, if it still knows it. */
    stateAtLast: string | undefined;
  }

  const targetOf = (options: object) =>
    createSwarmTarget(
      { engine: swarm.manager.host, service: "www", monitor: "500ms", timeout: "4m", ...options },
      swarm.image,
    );

  /** Deploys v2, and has a worker die as soon as it has a task of v2 that is in the state. */
  async function deployOverDeath(state: RegExp, options: object = {}): Promise<Death> {
    let dead = "";
    const asking = keepAsking(swarm, "www", (place) => !place.startsWith(`${dead}:`));
    const { deploy, lines, target } = targetOf(options);
    const startedMs = performance.now();
    const running = deploy("v2").then((outcome) => ({ outcome, elapsedMs: performance.now() - startedMs }));
    let task: ListedTask | undefined;
    await until("a worker has a task of v2", async () => {
      task = (await listTasks()).find((one) => tagOf(one.image) === "v2" && state.test(one.state));
      return task !== undefined;
    });
    const machine = swarm.nodes.find(({ name }) => name === task?.node);
    assert.ok(task !== undefined && machine !== undefined && machine !== swarm.manager);
    dead = machine.address;
    await machine.kill();
    const ended = await running;
    const tally = await asking.stop();
    // Of the machines that live, whatever the swarm still says of the other.
    assert.deepEqual(tally.failures, []);
    assert.ok(tally.requests > 0);
    const stateAtLast = (await listTasks()).find(({ ID }) => ID === task?.ID)?.state;
    const limitMs = target.timeoutMs;
    return { ...ended, limitMs, machine: machine.name, stateAtLast, log: lines().join("\n") };
  }

  /** What is said is what the swarm has: which of them it is depends on when the machine died. */
  async function judgeTruth({ outcome, log }: Death): Promise<void> {
    const tag = tagOf(await swarm.inspect<string>("www", ".Spec.TaskTemplate.ContainerSpec.Image"));
    const seen = `${outcome.kind}: ${reasonOf(outcome)}\n${log}\n${JSON.stringify(await listTasks())}`;
    if (outcome.kind === "failed") {
      assert.match(outcome.reason, waitedFor, seen);
      assert.ok(outcome.engine === "unknown" && (tag === "v1" || tag === "v2"), seen);
      return;
    }
    const expected = outcome.kind === "succeeded" ? "v2" : "v1";
    assert.equal(tag, expected, seen);
    const status = await swarm.inspect<{ State?: string } | null>("www", ".UpdateStatus");
    assert.match(status?.State ?? "", /^(?:(?:rollback_)?completed)?$/, seen);
    // What the swarm still takes for running on the dead machine is replaced as soon as it is missed.
    await untilServing(swarm, "www", expected, replicas);
  }

  /** Where the machine was too slow, the manager had heard that the task was up before it heard no more of it. */
  const isLost = ({ stateAtLast }: Death) => starting.test(stateAtLast ?? "");
  const tell = ({ outcome, elapsedMs, stateAtLast }: Death) =>
    `${outcome.kind} after ${Math.round(elapsedMs / 1000)} s, that task ${stateAtLast}: ${reasonOf(outcome)}`;

  test("while a task starts on it keeps no release from arriving, though the swarm would wait for that task", async (t) => {
    const death = await deployOverDeath(starting);
    t.diagnostic(tell(death));
    await judgeTruth(death);
    if (!isLost(death)) return;
    const { outcome, machine, log } = death;
    assert.match(log, new RegExp(`a task on ${machine}, which is down; beginning it anew with the tasks`));
    // A task that the swarm itself saw fail on the other machine would be another matter.
    const isFailure = /early termination of task/.test(reasonOf(outcome));
    assert.ok(outcome.kind === "succeeded" || isFailure, `${tell(death)}\n${log}`);
  });

  test("while a task starts on it has the service's own way of updating put back, with the machine's name", async (t) => {
    const death = await deployOverDeath(starting, { order: "spec" });
    t.diagnostic(tell(death));
    await judgeTruth(death);
    if (!isLost(death)) return;
    assert.match(
      reasonOf(death.outcome),
      new RegExp(`the swarm waits for a task on ${death.machine}, which is down|early termination of task`),
    );
  });

  test("with tasks of both releases leaves the service as it is said, and what lives serves", async (t) => {
    const death = await deployOverDeath(/^running$/);
    t.diagnostic(tell(death));
    await judgeTruth(death);
    assert.notEqual(death.outcome.kind, "failed", death.log);
  });

  test("and is not missed in time: the hook ends by its own limit, says what it waited for, and the next deployment finishes the work", async (t) => {
    const death = await deployOverDeath(starting, { timeout: "5s" });
    t.diagnostic(tell(death));
    await judgeTruth(death);
    assert.match(reasonOf(death.outcome), waitedFor);
    assert.ok(death.elapsedMs < death.limitMs, tell(death));
    const next = await targetOf({}).deploy("v2");
    assert.equal(next.kind, "succeeded", reasonOf(next));
    await untilServing(swarm, "www", "v2", replicas);
  });
});
