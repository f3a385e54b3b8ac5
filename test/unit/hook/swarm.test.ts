import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createFields } from "../../../hook/config/fields.ts";
import { EngineError } from "../../../hook/engine-api/error.ts";
import type { ServiceSpec, SwarmNode, SwarmService, Task } from "../../../hook/engine-api/services.ts";
import { portainer } from "../../../hook/target/portainer/index.ts";
import { isOutOfSequence } from "../../../hook/target/swarm/change.ts";
import { judge } from "../../../hook/target/swarm/follow.ts";
import { swarm } from "../../../hook/target/swarm/index.ts";
import { lostOf } from "../../../hook/target/swarm/lost.ts";
import { decideNext } from "../../../hook/target/swarm/roll.ts";
import {
  countUsableNodes,
  findCrowding,
  findUnfitness,
  withImage,
  withNewStart,
  withRollout,
} from "../../../hook/target/swarm/spec.ts";
import { areAllUp } from "../../../hook/target/swarm/tasks.ts";

const digest = `sha256:${"ab".repeat(32)}`;
const image = `acme/blog:v2@${digest}`;

function specOf(more: Partial<ServiceSpec> = {}, reference = image): ServiceSpec {
  return {
    Name: "blog",
    TaskTemplate: {
      ContainerSpec: { Image: reference, Env: ["A=1"] },
      Resources: { Limits: { MemoryBytes: 1 } },
    },
    Mode: { Replicated: { Replicas: 2 } },
    ...more,
  };
}

function serviceOf(state?: string, more: Partial<SwarmService> = {}): SwarmService {
  return {
    ID: "id",
    Version: { Index: 7 },
    Spec: specOf(),
    ...(state !== undefined && { UpdateStatus: { State: state, Message: "as it says" } }),
    ...more,
  };
}

function taskOf(state: string, reference = image, desired = "running"): Task {
  const Spec = { ContainerSpec: { Image: reference } };
  return { ID: state, DesiredState: desired, Spec, Status: { State: state } };
}

describe("a service's next spec", () => {
  test("has another image, and everything else as it was", () => {
    const spec = specOf({ Labels: { a: "b" }, Networks: [{ Target: "n" }] });
    const next = withImage(spec, { reference: "acme/blog:v3" });
    assert.deepEqual(next, {
      ...spec,
      TaskTemplate: { ...spec.TaskTemplate, ContainerSpec: { Image: "acme/blog:v3", Env: ["A=1"] } },
    });
    const platforms = [{ Architecture: "arm64", OS: "linux" }];
    const placed = withImage(
      specOf({ TaskTemplate: { ...spec.TaskTemplate, Placement: { MaxReplicas: 1 } } }),
      {
        reference: "acme/blog:v3",
        platforms,
      },
    );
    assert.deepEqual(placed.TaskTemplate.Placement, { MaxReplicas: 1, Platforms: platforms });
  });

  const second = 1_000_000_000;
  const rollout = { order: "start-first", failureAction: "rollback", monitorMs: 5000 } as const;
  const rollouts: [what: string, spec: ServiceSpec, update: object][] = [
    ["without an update config", specOf(), { Parallelism: 1, Monitor: 5 * second, Delay: 5 * second }],
    [
      "with a shorter monitor and delay",
      specOf({ UpdateConfig: { Parallelism: 2, Monitor: second, Delay: second, MaxFailureRatio: 0.1 } }),
      { Parallelism: 2, Monitor: 5 * second, Delay: 5 * second, MaxFailureRatio: 0.1 },
    ],
    [
      "with a longer monitor and delay, which stay",
      specOf({ UpdateConfig: { Monitor: 60 * second, Delay: 10 * second } }),
      { Monitor: 60 * second, Delay: 10 * second },
    ],
    [
      "with a start period, which the monitor outlasts",
      specOf({
        TaskTemplate: {
          ContainerSpec: { Image: image, Healthcheck: { StartPeriod: 30 * second, Interval: 10 * second } },
        },
      }),
      { Parallelism: 1, Monitor: 41 * second, Delay: 5 * second },
    ],
  ];
  for (const [what, spec, update] of rollouts) {
    test(`rolls start-first and back by itself ${what}`, () => {
      const next = withRollout(spec, rollout);
      assert.deepEqual(next.UpdateConfig, { ...update, Order: "start-first", FailureAction: "rollback" });
      assert.deepEqual(next.RollbackConfig, { Parallelism: 1, Order: "start-first" });
    });
  }
});

describe("a place for one more task", () => {
  const hostPort = { EndpointSpec: { Ports: [{ PublishMode: "host", PublishedPort: 80 }] } };
  const cases: [what: string, spec: Partial<ServiceSpec>, nodes: number, expected: RegExp | undefined][] = [
    ["is there without a fixed port", {}, 1, undefined],
    [
      "is there where the swarm publishes",
      { EndpointSpec: { Ports: [{ PublishMode: "ingress", PublishedPort: 80 }] } },
      1,
      undefined,
    ],
    [
      "is there with any port of the host",
      { EndpointSpec: { Ports: [{ PublishMode: "host" }] } },
      1,
      undefined,
    ],
    ["is there on a third node", hostPort, 3, undefined],
    [
      "is not there with a task on each node",
      hostPort,
      2,
      /port 80 of its node, and no node of 2 nodes is without/,
    ],
    ["is not there for a global service", { ...hostPort, Mode: { Global: {} } }, 9, /no node of 9 nodes/],
    [
      "is not there when every node has all it may",
      { TaskTemplate: { ContainerSpec: { Image: image }, Placement: { MaxReplicas: 1 } } },
      2,
      /2 nodes may have 1 task each, and all have them/,
    ],
  ];
  for (const [what, spec, nodes, expected] of cases) {
    test(what, () => {
      const found = findCrowding(specOf(spec), nodes);
      if (expected === undefined) assert.equal(found, undefined);
      else assert.match(found ?? "", expected);
    });
  }

  test("is on a node that is ready and takes tasks", () => {
    const nodeOf = (State: string, Availability: string): SwarmNode => ({
      ID: "",
      Spec: { Availability },
      Status: { State },
    });
    const nodes = [nodeOf("ready", "active"), nodeOf("down", "active"), nodeOf("ready", "drain")];
    assert.equal(countUsableNodes(nodes), 1);
  });
});

test("jobs and plugins are not rolled", () => {
  assert.equal(findUnfitness(specOf()), undefined);
  assert.match(findUnfitness(specOf({ Mode: { GlobalJob: {} } })) ?? "", /is a job/);
  assert.match(findUnfitness(specOf({ TaskTemplate: { Runtime: "plugin" } })) ?? "", /runs no containers/);
});

describe("what is to be done with a service", () => {
  const cases: [what: string, service: SwarmService, reference: string, expected: string][] = [
    ["nothing, when it has the image", serviceOf("completed"), image, "has it"],
    ["nothing, when it was never updated", serviceOf(), image, "has it"],
    ["to follow what is under way", serviceOf("updating"), image, "follow"],
    ["to begin again what was paused", serviceOf("paused"), image, "change"],
    ["to begin again what is on its way back to it", serviceOf("rollback_started"), image, "change"],
    ["to change another image", serviceOf("completed"), "acme/blog:v3", "change"],
    [
      "to have a tag without a digest pulled again",
      serviceOf("completed", { Spec: specOf({}, "acme/blog:v2") }),
      "acme/blog:v2",
      "change",
    ],
  ];
  for (const [what, service, reference, expected] of cases) {
    test(what, () => assert.equal(decideNext(service, reference), expected));
  }
});

describe("what an update has come to", () => {
  const wanted = { name: "blog", image };
  const both = [taskOf("running"), taskOf("running")];
  const cases: [
    what: string,
    service: SwarmService | undefined,
    tasks: Task[],
    elapsedMs: number,
    expected: string | RegExp,
  ][] = [
    ["nothing yet, right after the change", serviceOf(), both, 100, /^2 of 2 tasks run it$/],
    ["the end, when the swarm had nothing to replace", serviceOf(), both, 5000, "converged"],
    [
      "nothing yet, while the swarm is silent and a task is missing",
      serviceOf(),
      [taskOf("running")],
      60_000,
      /^1 of 2/,
    ],
    [
      "so many of so many",
      serviceOf("updating"),
      [taskOf("running"), taskOf("running", "old"), taskOf("starting")],
      100,
      /^1 of 2 tasks run it$/,
    ],
    ["the end", serviceOf("completed"), both, 100, "converged"],
    ["no end, when it was paused", serviceOf("paused"), [], 100, "stuck"],
    [
      "the way back",
      serviceOf("rollback_started", { Spec: specOf({}, "old") }),
      [],
      100,
      /^the swarm rolls it back \(as it says\)$/,
    ],
    ["what was before", serviceOf("rollback_completed", { Spec: specOf({}, "old") }), [], 100, "rolled-back"],
    [
      "neither, when the way back was paused",
      serviceOf("rollback_paused", { Spec: specOf({}, "old") }),
      [],
      100,
      "stuck",
    ],
    ["somebody else's change", serviceOf("updating", { Spec: specOf({}, "other") }), [], 100, "overtaken"],
    ["nothing, when the service is gone", undefined, [], 100, "overtaken"],
    [
      "the end at once, without tasks",
      serviceOf(undefined, { Spec: specOf({ Mode: { Replicated: { Replicas: 0 } } }) }),
      [],
      0,
      "converged",
    ],
    [
      "the end of a global service",
      serviceOf("completed", { Spec: specOf({ Mode: { Global: {} } }) }),
      both,
      100,
      "converged",
    ],
  ];
  for (const [what, service, tasks, elapsedMs, expected] of cases) {
    test(`is ${what}`, () => {
      const judged = judge(service, tasks, wanted, elapsedMs);
      if (typeof expected === "string")
        assert.equal(typeof judged === "string" ? judged : judged.kind, expected);
      else assert.match(typeof judged === "string" ? judged : judged.kind, expected);
    });
  }
});

describe("tasks that a node has taken with it", () => {
  const nodeOf = (ID: string, State: string): SwarmNode => ({
    ID,
    Description: { Hostname: `host-${ID}` },
    Status: { State },
  });
  const nodes = [nodeOf("a", "down"), nodeOf("b", "ready"), nodeOf("c", "down")];
  const taskOn = (NodeID: string, state: string, desired: string): Task => ({
    ...taskOf(state, image, desired),
    ID: `${NodeID} ${state}`,
    NodeID,
  });
  const cases: [what: string, tasks: Task[], expected: string | undefined][] = [
    ["are none without one", [], undefined],
    [
      "are those that were to come up there, and are given up",
      [taskOn("a", "starting", "shutdown"), taskOn("b", "running", "running")],
      "the swarm waits for a task on host-a, which is down",
    ],
    [
      "may be on several",
      [taskOn("c", "assigned", "shutdown"), taskOn("a", "preparing", "shutdown")],
      "the swarm waits for 2 tasks on host-a and host-c, which are down",
    ],
    ["are not those of a node that is up", [taskOn("b", "starting", "shutdown")], undefined],
    ["are not those that had come up", [taskOn("a", "running", "shutdown")], undefined],
    ["are not those that are not given up yet", [taskOn("a", "starting", "running")], undefined],
  ];
  for (const [what, tasks, expected] of cases)
    test(what, () => assert.equal(lostOf(tasks, nodes)?.words, expected));

  test("are gone on without when all the others are up", () => {
    const lost = taskOn("a", "starting", "shutdown");
    const old = taskOf("starting", "old");
    assert.ok(areAllUp([lost, old, taskOf("running")], image));
    // The swarm would end what a task stands in for before the task is up.
    assert.ok(!areAllUp([lost, taskOf("running"), taskOf("starting")], image));
    assert.ok(!areAllUp([lost, taskOf("running"), taskOf("assigned", image, "ready")], image));
  });

  test("do not have anything else of the service changed", () => {
    const { UpdateConfig: own, ...rest } = withNewStart(specOf({ UpdateConfig: { Monitor: 7, Delay: 3 } }));
    assert.deepEqual(own, { Monitor: 8, Delay: 3, FailureAction: "pause" });
    assert.deepEqual(rest, specOf());
  });
});

test("a lost race is told by the Engine's words: its status has changed over the years", () => {
  const said = "rpc error: code = Unknown desc = update out of sequence";
  for (const status of [400, 409, 500]) {
    assert.ok(isOutOfSequence(new EngineError("", { status, said, isTemporary: true, hasNoEffect: false })));
  }
  assert.ok(!isOutOfSequence(new EngineError("", { said: "other", isTemporary: true, hasNoEffect: false })));
});

describe("the options", () => {
  const fields = createFields({ environment: {}, directory: "/" });
  const problemOf = (kind: typeof swarm | typeof portainer, options: object) =>
    kind.schema(fields).safeParse(options).error?.issues[0]?.message;
  const key = { url: "https://portainer.lan/tools", apiKey: "ptr_0123456789abcdef", endpoint: 2 };
  const serviceWebhook = "https://portainer.lan/api/webhooks/4c6d0b1e-90ad-4d9e-a5d3-2f3f0ad0c1aa";
  const cases: [kind: typeof swarm | typeof portainer, options: object, expected: RegExp | undefined][] = [
    [swarm, {}, undefined],
    [swarm, { service: ["a", "b"], order: "spec" }, undefined],
    [swarm, { service: "a", label: "b=c" }, /a service and a label: keep one/],
    [swarm, { username: "a" }, /go together/],
    [swarm, { username: "a", password: "bbbbbbbb", dockerConfig: "c" }, /keep one of them/],
    [swarm, { engine: "tcp://10.0.0.1:2375" }, /without TLS/],
    [portainer, { serviceWebhook }, undefined],
    [portainer, { ...key, service: "a", registry: 3 }, undefined],
    [portainer, { ...key, stack: 7, variable: "TAG" }, undefined],
    [portainer, {}, /exactly one of serviceWebhook, stackWebhook, url/],
    [portainer, { serviceWebhook, ...key }, /exactly one of/],
    [portainer, { serviceWebhook, service: "a" }, /a webhook stands alone/],
    [portainer, { url: key.url, service: "a" }, /url, apiKey and endpoint go together/],
    [portainer, { ...key }, /exactly one of service, label, stack/],
    [portainer, { ...key, stack: "a" }, /stack and variable go together/],
    [portainer, { ...key, stack: "a", variable: "B", service: "c" }, /exactly one of service, label, stack/],
    [portainer, { ...key, stack: "a", variable: "B", force: true }, /force is for services/],
    [portainer, { ...key, stack: "a", variable: "B-C" }, /not an environment variable's name/],
  ];
  for (const [kind, options, expected] of cases) {
    test(`${kind.name} ${expected === undefined ? "takes" : "refuses"} ${JSON.stringify(options)}`, () => {
      const problem = problemOf(kind, options);
      if (expected === undefined) assert.equal(problem, undefined);
      else assert.match(problem ?? "", expected);
    });
  }
});
