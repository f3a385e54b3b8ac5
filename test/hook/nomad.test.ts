import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { Deployment } from "../../hook/store/deployment.ts";
import type { Job } from "../../hook/target/nomad/job.ts";
import { parseLosslessly } from "../../hook/target/nomad/lossless-json.ts";
import type { Target } from "../../hook/target/target.ts";
import { freePorts } from "../support/free-port.ts";
import { configOf, readConfig, startHook, temporaryFolder, until } from "../support/hook.ts";
import { makeJob, type NomadServer, startNomad } from "../support/nomad.ts";
import { createCertificate } from "../support/registry.ts";

let nomad: NomadServer;
beforeEach(async () => {
  nomad = await startNomad();
});
afterEach(() => nomad.stop());

interface Ended extends Deployment {
  log: string;
}

const digest = `sha256:${"ab".repeat(32)}`;
const image = () => nomad.job("blog").TaskGroups[0]?.Tasks[0]?.Config?.["image"];

function configFor(options: object, more: string): string {
  const target = JSON.stringify({ nomad: { address: nomad.origin, ...options } });
  return configOf({ blog: `${target}\n    ${more}` });
}

/** Deployments from webhook to outcome, one after another; the last one counts. */
async function deploy(
  options: object = {},
  { tags = ["v2"], more = "retry: { attempts: 1 }" } = {},
): Promise<Ended> {
  const hook = await startHook(configFor(options, more));
  try {
    for (const [index, tag] of tags.entries()) {
      await hook.push(tag);
      await hook.untilEnded(index + 1);
    }
    const ended = await hook.untilEnded(tags.length);
    return { ...ended, log: hook.logOf(tags.length) };
  } finally {
    await hook.stop();
  }
}

function targetOf(options: object = {}): Target {
  const service = readConfig(configFor(options, ""), temporaryFolder()).services.get("blog");
  assert.ok(service !== undefined);
  return service.target;
}

const check = async (options: object = {}) => {
  const result = await targetOf(options).check?.({ signal: AbortSignal.timeout(60_000) });
  return result?.ok ? `ok: ${result.detail}` : `FAIL: ${result?.problem}`;
};

describe("a job of Nomad's", () => {
  test("gets the webhook's tag, is planned, registered, and followed until its deployment is good", async () => {
    nomad.add(makeJob());
    const { state, reason, log } = await deploy();
    assert.equal(state, "succeeded");
    assert.match(
      reason ?? "",
      /^Nomad runs blog in version 1: web 2 of 2 healthy \(deployment [0-9a-f]{8}\)$/,
    );
    assert.equal(image(), "stut/blog:v2");
    assert.deepEqual(
      nomad.requests.map((line) => line.replace(/[0-9a-f-]{36}/, "ID")),
      [
        "GET job/blog",
        "POST job/blog/plan",
        "POST jobs",
        "GET evaluation/ID",
        "GET job/blog/deployments",
        "GET deployment/ID",
      ],
    );
    const { Job: _job, ...rest } = nomad.bodies[1]?.body ?? {};
    assert.deepEqual(rest, { EnforceIndex: true, JobModifyIndex: 1001, PreserveCounts: true });
    assert.match(log, /web\/server has stut\/blog:v1; registering v2 after job modify index 1001/);
    assert.match(log, /running: web: 1 of 2 healthy, 2 placed/);
  });

  test("is pinned to the digest where the driver takes one, and keeps the name its image has there", async () => {
    const cases = [
      ["docker", "stut/blog:v1", `stut/blog:v2@${digest}`],
      ["docker", `stut/blog:v1@sha256:${"cd".repeat(32)}`, `stut/blog:v2@${digest}`],
      ["docker", "mirror.lan:5000/blog", `mirror.lan:5000/blog:v2@${digest}`],
      ["podman", "docker://stut/blog:v1", "docker://stut/blog:v2"],
    ] as const;
    for (const [driver, before, after] of cases) {
      const job = makeJob({ image: before });
      Object.assign(job.TaskGroups[0]?.Tasks[0] ?? {}, { Driver: driver });
      nomad.add(job);
      const context = { ...contextOf(), signal: AbortSignal.timeout(60_000) };
      const outcome = await targetOf({ group: "web", task: "server" }).deploy(
        { tag: "v2", digest } as Deployment,
        context,
      );
      assert.deepEqual([outcome.kind, image()], ["succeeded", after]);
    }
  });

  test("with a tag that is made of `meta` or `env` gets it there, in the innermost place that has it", async () => {
    const places: [image: string, edit: (job: Job) => void, read: (job: Job) => unknown][] = [
      [
        `stut/blog:\${NOMAD_META_TAG}`,
        (job) => Object.assign(job, { Meta: { tag: "v1", other: "x" } }),
        (job) => job.Meta,
      ],
      [
        `stut/blog:\${NOMAD_META_tag}`,
        (job) => {
          job.Meta = { tag: "v0", other: "x" };
          Object.assign(job.TaskGroups[0] ?? {}, { Meta: { tag: "v1", other: "x" } });
        },
        (job) => job.TaskGroups[0]?.Meta,
      ],
      [
        `stut/blog:\${RELEASE}`,
        (job) => Object.assign(job.TaskGroups[0]?.Tasks[0] ?? {}, { Env: { RELEASE: "v1", other: "x" } }),
        (job) => job.TaskGroups[0]?.Tasks[0]?.Env,
      ],
    ];
    for (const [text, edit, read] of places) {
      const job = makeJob({ image: text });
      edit(job);
      nomad.add(job);
      const { state } = await deploy();
      assert.deepEqual([state, image()], ["succeeded", text]);
      assert.deepEqual(Object.values(read(nomad.job("blog")) ?? {}), ["v2", "x"]);
      assert.deepEqual(await targetOf().current?.({ signal: AbortSignal.timeout(60_000) }), {
        tag: "v2",
        digest: null,
      });
    }
  });

  test("as in the seed, whose tag a template renders from Consul, gets the tag written out: the template has no say any more", async () => {
    nomad.add(makeJob({ image: `stut/blog:\${IMAGE_TAG}` }));
    const { state, log } = await deploy();
    assert.deepEqual([state, image()], ["succeeded", "stut/blog:v2"]);
    assert.match(log, /has stut\/blog:\(a tag that a template makes\); registering v2/);
  });

  test("keeps what this program does not know of, and the counts that an autoscaler set", async () => {
    const job = { ...makeJob(), Constraints: [{ LTarget: "x" }], Extra: { deep: [1, null, "y"] } } as Job;
    nomad.add(job);
    await deploy();
    const { Constraints, Extra } = nomad.job("blog") as unknown as Record<string, unknown>;
    assert.deepEqual([Constraints, Extra], [[{ LTarget: "x" }], { deep: [1, null, "y"] }]);
  });

  test("that has the release already is not registered again; what its deployment does is told", async () => {
    nomad.add(makeJob({ image: "stut/blog:v2" }));
    const { state, reason, log } = await deploy();
    assert.equal(state, "succeeded");
    assert.match(reason ?? "", /^Nomad runs blog in version 0: 2 allocations up$/);
    assert.match(log, /stut\/blog:v2 already: nothing to register/);
    assert.ok(!nomad.requests.includes("POST jobs"));
  });

  test("is followed on by the next start of a hook that was stopped meanwhile, not registered twice", async () => {
    nomad.add(makeJob());
    nomad.fates.set("stut/blog:v2", "waits");
    const folder = temporaryFolder();
    const target = JSON.stringify({ nomad: { address: nomad.origin } });
    const config = configOf({ blog: target }, "deployments: { grace: 0s }");
    const first = await startHook(config, { folder });
    await first.push("v2");
    await until("it is placed", () => nomad.deployments[0]?.TaskGroups?.["web"]?.PlacedAllocs === 1);
    await first.stop();
    nomad.fates.delete("stut/blog:v2");
    const second = await startHook(config, { folder });
    const { state } = await second.untilEnded(1);
    assert.equal(state, "succeeded", second.logOf(1));
    await second.stop();
    assert.equal(nomad.versions("blog").length, 2);
  });

  test("is read again when somebody else was faster, and what they changed is kept", async () => {
    nomad.add(makeJob());
    let races = 0;
    nomad.intercept = (method, path) => {
      if (method === "POST" && path === "jobs" && races++ < 2)
        nomad.change("blog", (job) => Object.assign(job, { Meta: { owner: `somebody ${races}` } }));
      return undefined;
    };
    const { state, log } = await deploy();
    assert.deepEqual([state, nomad.job("blog").Meta], ["succeeded", { owner: "somebody 2" }]);
    assert.match(log, /changed by somebody else meanwhile \(try 2 of 5\)/);
  });

  test("that never stops being changed is left alone, worth another try", async () => {
    nomad.add(makeJob());
    nomad.intercept = (method, path) => {
      if (method === "POST" && path === "jobs")
        nomad.change("blog", (job) => Object.assign(job, { Meta: { now: `${Math.random()}` } }));
      return undefined;
    };
    const { state, reason } = await deploy();
    assert.equal(state, "failed");
    assert.match(reason ?? "", /kept being changed by somebody else; find out who registers it/);
    assert.equal(image(), "stut/blog:v1");
  });
});

function contextOf() {
  return { log: () => {}, deadline: new Date(), remember: async () => {} };
}

describe("a release that Nomad has no place for", () => {
  test("is stopped by the plan, before anything is stopped for it", async () => {
    nomad.add(makeJob({ update: { Canary: 2 } }));
    nomad.cluster.slots = 3;
    const { state, reason } = await deploy();
    assert.equal(state, "failed");
    assert.match(reason ?? "", /no place for it \(web: memory on 3 nodes\): nothing was registered/);
    assert.ok(!nomad.requests.includes("POST jobs"));
    nomad.cluster.excludedBy = "$" + "{attr.kernel.name} = windows";
    assert.match((await deploy()).reason ?? "", /web: \$\{attr\.kernel\.name\} = windows excludes 3 nodes/);
  });

  test("is tried again when room may be made", async () => {
    nomad.add(makeJob({ update: { Canary: 2 } }));
    nomad.cluster.slots = 3;
    nomad.intercept = (_method, path) => {
      if (nomad.requests.filter((line) => line.endsWith("/plan")).length === 2 && path.endsWith("/plan"))
        nomad.cluster.slots = 4;
      return undefined;
    };
    const { state, log } = await deploy({ promote: "auto" }, { more: "retry: { attempts: 3, first: 10ms }" });
    assert.equal(state, "succeeded", log);
    assert.match(log, /nothing was registered; trying again/);
  });

  test("is waited for when the room went away after the plan: a blocked evaluation", async () => {
    nomad.add(makeJob());
    nomad.intercept = (method, path) => {
      if (method === "POST" && path === "jobs") {
        nomad.cluster.slots = 1;
        setTimeout(() => {
          nomad.cluster.slots = 10;
        }, 100);
      }
      return undefined;
    };
    const { state, log } = await deploy();
    assert.equal(state, "succeeded", log);
    assert.match(
      log,
      /no place yet for all of it: web: memory on 3 nodes; Nomad goes on when there is room \(evaluation [0-9a-f]{8}\)/,
    );
  });
});

describe("a release that Nomad finds bad", () => {
  test("is rolled back when auto_revert's own deployment has put the old version back", async () => {
    nomad.add(makeJob());
    nomad.fates.set("stut/blog:v2", "pull-fails");
    const { state, reason, log } = await deploy();
    assert.equal(state, "rolled-back");
    assert.match(
      reason ?? "",
      /of version 1 failed: Failed due to unhealthy allocations - rolling back to job version 0/,
    );
    assert.match(reason ?? "", /blog\.web\[0\]: server: Failed to pull `stut\/blog:v2`: .*manifest unknown/);
    assert.match(reason ?? "", /Nomad is back at version 0, as version 2$/);
    assert.equal(image(), "stut/blog:v1");
    assert.equal(log.match(/following deployment/g)?.length, 2);
  });

  test("is taken back by the hook, with Nomad's job revert, where the job has no auto_revert", async () => {
    nomad.add(makeJob({ update: { AutoRevert: false } }));
    nomad.fates.set("stut/blog:v3", "crashes");
    const { state, reason, rolledBackTo, log } = await deploy({}, { tags: ["v2", "v3"] });
    assert.deepEqual([state, rolledBackTo, image()], ["rolled-back", "v2", "stut/blog:v2"]);
    assert.match(reason ?? "", /server: Exit Code: 1.*; rolled back to v2$/);
    assert.match(log, /reverting blog from version 2 to version 1, which has v2/);
    const revert = nomad.bodies.find(({ path }) => path === "job/blog/revert");
    assert.deepEqual(revert?.body, { JobID: "blog", JobVersion: 1, EnforcePriorVersion: 2 });
  });

  test("is taken back by registering the old tag where more has changed since: no one's change goes with it", async () => {
    nomad.add(makeJob({ update: { AutoRevert: false } }));
    nomad.fates.set("stut/blog:v3", "check-fails");
    let isChanged = false;
    nomad.intercept = (_method, path) => {
      if (path !== "job/blog/versions" || isChanged) return undefined;
      isChanged = true;
      nomad.change("blog", (job) => Object.assign(job, { Meta: { owner: "somebody" } }));
      return undefined;
    };
    const { state, log } = await deploy({}, { tags: ["v2", "v3"] });
    assert.deepEqual([state, image()], ["rolled-back", "stut/blog:v2"], log);
    assert.deepEqual(nomad.job("blog").Meta, { owner: "somebody" });
    assert.ok(!nomad.bodies.some(({ path }) => path === "job/blog/revert"));
  });

  test("is reverted from the version it is at, also when that changed in between", async () => {
    nomad.add(makeJob({ update: { AutoRevert: false } }));
    nomad.fates.set("stut/blog:v3", "check-fails");
    let isChanged = false;
    nomad.intercept = (_method, path) => {
      if (path !== "job/blog/revert" || isChanged) return undefined;
      isChanged = true;
      nomad.change("blog", (job) =>
        Object.assign(job, { Meta: null, TaskGroups: withImage(job, "stut/blog:v9") }),
      );
      return undefined;
    };
    const { state, log } = await deploy({}, { tags: ["v2", "v3"] });
    assert.deepEqual([state, image()], ["rolled-back", "stut/blog:v2"], log);
    assert.match(log, /changed by somebody else meanwhile \(try 1 of 5\)/);
  });

  test("that another version overtakes is neither good nor taken back", async () => {
    nomad.add(makeJob());
    nomad.fates.set("stut/blog:v2", "waits");
    nomad.intercept = (_method, path) => {
      if (path.startsWith("deployment/") && nomad.versions("blog").length === 2)
        nomad.change("blog", (job) => Object.assign(job, { TaskGroups: withImage(job, "stut/blog:v8") }));
      return undefined;
    };
    const { state, reason } = await deploy();
    assert.equal(state, "failed");
    assert.match(
      reason ?? "",
      /Nomad cancelled the deployment [0-9a-f]{8} of version 1: Cancelled due to newer version of job/,
    );
    assert.equal(image(), "stut/blog:v8");
  });

  test("and whose old version is no good either is failed, and says both", async () => {
    nomad.add(makeJob());
    nomad.fates.set("stut/blog:v2", "check-fails");
    nomad.fates.set("stut/blog:v1", "check-fails");
    const { state, reason } = await deploy();
    assert.equal(state, "failed");
    assert.match(
      reason ?? "",
      /going back to it ended as failed as well: .*not rolling back to stable job version 0/,
    );
  });

  test("and does not come to an end in time goes back as well", async () => {
    nomad.add(makeJob());
    nomad.fates.set("stut/blog:v3", "waits");
    const { state, reason } = await deploy({ timeout: "1s" }, { tags: ["v2", "v3"] });
    assert.deepEqual([state, image()], ["rolled-back", "stut/blog:v2"]);
    assert.match(
      reason ?? "",
      /did not come to an end with it in time; last seen: running: web: 0 of 2 healthy, 1 placed \(time limit 1 s\)/,
    );
  });
});

function withImage(job: Job, text: string): Job["TaskGroups"] {
  const [group] = structuredClone(job.TaskGroups);
  assert.ok(group?.Tasks[0]?.Config);
  group.Tasks[0].Config["image"] = text;
  return [group];
}

describe("canaries", () => {
  test("are promoted by the hook when they are healthy and it is told to", async () => {
    nomad.add(makeJob({ update: { Canary: 2 } }));
    const { state, log } = await deploy({ promote: "auto" });
    assert.equal(state, "succeeded", log);
    const promotion = nomad.bodies.find(({ path }) => path.startsWith("deployment/promote/"));
    assert.deepEqual(promotion?.body, { DeploymentID: nomad.deployments[0]?.ID, All: true });
    assert.match(log, /web: 2 of 2 canaries healthy, 2 placed/);
  });

  test("wait for a person otherwise, who is told how", async () => {
    nomad.add(makeJob({ update: { Canary: 1 } }));
    const deploying = deploy(
      { timeout: "1s" },
      { more: "retry: { attempts: 1 }\n    verify: { url: 'http://127.0.0.1:1/', rollback: false }" },
    );
    const { state, log } = await deploying;
    assert.equal(state, "failed");
    assert.match(log, /the canaries are healthy and wait for: nomad deployment promote [0-9a-f]{8}/);
    assert.deepEqual(
      [
        nomad.deployments[0]?.Status,
        nomad.allocations.filter(({ DesiredStatus }) => DesiredStatus === "run").length,
      ],
      ["running", 3],
    );
  });

  test("that Nomad promotes itself are none of the hook's business", async () => {
    nomad.add(makeJob({ update: { Canary: 2, AutoPromote: true } }));
    assert.equal((await deploy({ promote: "auto" })).state, "succeeded");
    assert.ok(!nomad.requests.some((line) => line.includes("promote")));
  });

  test("that lost their health when they are promoted are waited for once more", async () => {
    nomad.add(makeJob({ update: { Canary: 2 } }));
    let refusals = 0;
    nomad.intercept = (_method, path) => {
      if (!path.startsWith("deployment/promote/") || refusals++ > 0) return undefined;
      const { touch, deployments } = nomad;
      setTimeout(() => touch(deployments[0]), 50);
      return { status: 500, body: '1 error occurred:\n\t* Task group "web" has 1/2 healthy allocations\n\n' };
    };
    const { state, log } = await deploy({ promote: "auto" });
    assert.equal(state, "succeeded", log);
    assert.match(log, /Task group "web" has 1\/2 healthy allocations/);
  });
});

describe("a job without deployments", () => {
  for (const type of ["system", "batch"]) {
    test(`is followed by its allocations: ${type}`, async () => {
      nomad.add(makeJob({ type }));
      const { state, reason, log } = await deploy();
      assert.equal(state, "succeeded", log);
      assert.match(reason ?? "", /^Nomad runs blog in version 1: 2 allocations up$/);
      assert.match(log, /version 1 has no deployment: looking at its allocations/);
    });
  }

  test("fails with what its tasks say, and goes back", async () => {
    nomad.add(makeJob({ type: "system" }));
    nomad.fates.set("stut/blog:v3", "crashes");
    const { state, reason } = await deploy({}, { tags: ["v2", "v3"] });
    assert.deepEqual([state, image()], ["rolled-back", "stut/blog:v2"]);
    assert.match(reason ?? "", /version 2 of blog does not run: blog\.web\[0\]: server: Exit Code: 1/);
  });

  test("that is scaled to nothing has nothing to wait for", async () => {
    nomad.add(makeJob({ type: "batch", count: 0 }));
    const { state, reason } = await deploy();
    assert.deepEqual([state, reason], ["succeeded", "Nomad runs blog in version 1: 0 allocations up"]);
  });

  test("may have lost an allocation on the way that was placed again", async () => {
    nomad.add(makeJob({ update: { MaxParallel: 0 } }));
    nomad.cluster.stepMs = 50;
    nomad.intercept = (_method, path) => {
      const first = nomad.allocations.find(({ JobVersion }) => JobVersion === 1);
      if (path !== "job/blog/allocations" || first === undefined || nomad.allocations.length > 4)
        return undefined;
      nomad.allocations.push({ ...first, ID: "placed-again", ClientStatus: "running" });
      Object.assign(first, { ClientStatus: "lost", NextAllocation: "placed-again" });
      return undefined;
    };
    const { state, reason } = await deploy();
    assert.deepEqual([state, reason], ["succeeded", "Nomad runs blog in version 1: 2 allocations up"]);
  });

  test("and without evaluations, because it is periodic, is registered: its next run takes it", async () => {
    nomad.add({ ...makeJob({ type: "batch" }), Periodic: { Enabled: true } });
    const { state, reason } = await deploy();
    assert.deepEqual(
      [state, reason],
      ["succeeded", "Nomad has it in blog; the next run of the job takes it"],
    );
  });
});

describe("what keeps a deployment from Nomad is told apart:", () => {
  const cases: [what: string, arrange: () => object, expected: RegExp][] = [
    [
      "no such job",
      () => ({}),
      /has no job blog in the namespace default: register it once with `nomad job run`/,
    ],
    ["another namespace", () => ({ namespace: "prod" }), /has no job blog in the namespace prod/],
    ["a stopped job", () => add({ ...makeJob(), Stop: true }), /the job blog is stopped: start it/],
    [
      "another image",
      () => add(makeJob({ image: "nginx:1" })),
      /no task with the image stut\/blog; it has web\/server \(nginx:1\): name one with `group` and `task`/,
    ],
    ["no such task", () => add(makeJob(), { task: "app" }), /no such task with an image; it has web\/server/],
    [
      "a tag that each node makes",
      () => add(makeJob({ image: `stut/blog:\${attr.cpu.arch}` })),
      /whose tag Nomad makes on each node: write it as repository:tag/,
    ],
    [
      "a missing token",
      () => acl({}),
      /refused a request without a token \(403: Permission denied\): it needs read-job and submit-job/,
    ],
    ["a token that may only read", () => acl({ token: "reader" }), /refused the token \(403/],
    [
      "an unknown region",
      () => add(makeJob(), { region: "mars" }),
      /knows no region mars \(500: No path to region\)/,
    ],
    [
      "a job that is not valid",
      () => {
        nomad.intercept = (_method, path) =>
          path === "jobs"
            ? { status: 500, body: "1 error occurred:\n\t* Task group web validation failed\n\n" }
            : undefined;
        return add(makeJob());
      },
      /answered 500: 1 error occurred: \* Task group web validation failed to a request for jobs/,
    ],
    ["no JSON", () => answerAll(200, "<html>"), /is not Nomad: its answer is not JSON/],
    ["a redirect", () => answerAll(307, ""), /redirects to another place \(307\), which is not followed/],
  ];
  const add = (job: Job, options: object = {}) => {
    nomad.add(job);
    return options;
  };
  const acl = (options: object) => {
    nomad.tokens.set("reader", ["read-job"]);
    return add(makeJob(), options);
  };
  const answerAll = (status: number, body: string) => {
    nomad.intercept = () => ({ status, body });
    return {};
  };
  for (const [what, arrange, expected] of cases) {
    test(what, async () => {
      const { state, reason } = await deploy(arrange());
      assert.equal(state, "failed");
      assert.match(reason ?? "", expected);
    });
  }

  test("nothing listens", async () => {
    const [port] = await freePorts(1);
    const { reason } = await deploy({ address: `http://127.0.0.1:${port}` });
    assert.match(reason ?? "", /nothing listens at http:\/\/127\.0\.0\.1:\d+: is Nomad running there\?/);
  });

  test("a leader's election before the registration is worth another try; one after it is waited out", async () => {
    nomad.add(makeJob());
    const seen = new Set<string>();
    nomad.intercept = (_method, path) => {
      const kindOf = path.split("/")[0] ?? "";
      if (!["job", "evaluation", "deployment"].includes(kindOf) || seen.has(kindOf)) return undefined;
      seen.add(kindOf);
      return { status: 500, body: "No cluster leader" };
    };
    const { state, log } = await deploy({}, { more: "retry: { attempts: 2, first: 10ms }" });
    assert.equal(state, "succeeded", log);
    assert.equal(log.match(/asking again until it does/g)?.length, 2);
    assert.equal(nomad.versions("blog").length, 2);
  });
});

describe("requests to Nomad", () => {
  test("carry token, namespace and region, and nothing of the token is shown", async () => {
    nomad.add(makeJob(), { namespace: "prod" });
    nomad.tokens.set("deployer-token-0123456789", ["read-job", "submit-job"]);
    const ended = await deploy({ token: "deployer-token-0123456789", namespace: "prod", region: "global" });
    assert.equal(ended.state, "succeeded");
    assert.ok(nomad.requests.every((line) => line.endsWith("?namespace=prod&region=global")));
    assert.doesNotMatch(JSON.stringify(ended), /deployer-token/);
  });

  /** In front of the loopback Nomad: what it is told goes there. */
  async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks = await request.toArray();
    const body = chunks.length === 0 ? {} : { body: Buffer.concat(chunks) };
    const answer = await fetch(`${nomad.origin}${request.url}`, { method: request.method ?? "GET", ...body });
    const index = answer.headers.get("x-nomad-index") ?? "";
    response.writeHead(answer.status, { "x-nomad-index": index }).end(await answer.text());
  }

  test("go through the unix socket that Nomad gives its own tasks", async () => {
    nomad.add(makeJob());
    const socket = `${temporaryFolder()}/api.sock`;
    const proxy = createServer(forward);
    await new Promise<void>((resolve) => proxy.listen(socket, resolve));
    try {
      const { state, reason } = await deploy({ address: `unix://${socket}` });
      assert.equal(state, "succeeded", reason ?? "");
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  test("are made over TLS, with a client certificate where Nomad wants one (verify_https_client)", async () => {
    nomad.add(makeJob());
    const { certificate, key, certificatePem, keyPem } = createCertificate(
      temporaryFolder(),
      "DNS:server.global.nomad",
    );
    const setting = { key: keyPem, cert: certificatePem, ca: certificatePem, requestCert: true };
    const proxy = createSecureServer(setting, forward);
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    try {
      const address = `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      const tls = { ca: certificate, serverName: "server.global.nomad" };
      assert.match(await check({ address }), /certificate that is not trusted .*: set tls\.ca/);
      assert.match(
        await check({ address, tls }),
        /wants a client certificate that it trusts: set tls\.cert and tls\.key/,
      );
      const { state, reason } = await deploy({ address, tls: { ...tls, cert: certificate, key } });
      assert.equal(state, "succeeded", reason ?? "");
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  test("give back numbers as they came, also those that a double cannot hold", () => {
    const text = '{"SubmitTime":1700000000123456789,"Limit":9223372036854775807,"Count":2,"Ratio":0.5}';
    assert.equal(JSON.stringify(parseLosslessly(text)), text);
  });

  test("are not made by a config that is wrong", () => {
    const wrong: [options: object, problem: RegExp][] = [
      [{ address: "http://nomad:4646/v1" }, /address: must be http:\/\/host:port/],
      [{ address: "http://nomad:4646", tls: { serverName: "x" } }, /has tls, but the address is not https/],
      [{ promote: "later" }, /promote/],
      [{ jobs: "blog" }, /did you mean.*job/],
    ];
    for (const [options, problem] of wrong) assert.throws(() => targetOf(options), problem);
  });
});

describe("the check", () => {
  test("plans the job as it is, asks for a registration that cannot be, and changes nothing", async () => {
    nomad.add(makeJob());
    assert.match(
      await check(),
      /^ok: Nomad at http:.* lets blog \(version 0\) be registered; web\/server has stut\/blog:v1$/,
    );
    assert.equal(nomad.versions("blog").length, 1);
    assert.deepEqual(nomad.requests, ["GET job/blog", "POST job/blog/plan", "POST jobs"]);
  });

  test("finds a token that may read and plan but not register", async () => {
    nomad.tokens.set("planner", ["read-job", "submit-job"]);
    nomad.add(makeJob());
    nomad.intercept = (_method, path) =>
      path === "jobs" ? { status: 403, body: "Permission denied" } : undefined;
    assert.match(
      await check({ token: "planner" }),
      /^FAIL: .*refused the token \(403: Permission denied\): it needs read-job and submit-job/,
    );
  });

  const warnings: [what: string, job: () => Job, expected: RegExp][] = [
    [
      "one allocation without a canary",
      () => makeJob({ count: 1 }),
      /group web has `count = 1` and no canary: it is stopped before the new one starts; set `canary = 1`/,
    ],
    [
      "all at once",
      () => makeJob({ update: { MaxParallel: 2 } }),
      /replaces all its 2 allocations at once \(max_parallel 2\)/,
    ],
    ["no rolling update", () => makeJob({ update: null }), /has no rolling `update` \(max_parallel 0\)/],
    ["no auto_revert", () => makeJob({ update: { AutoRevert: false } }), /has `auto_revert = false`/],
    [
      "health by tasks",
      () => makeJob({ update: { HealthCheck: "task_states" } }),
      /`health_check = "task_states"`: an allocation counts as healthy as soon as its tasks run/,
    ],
    [
      "health by hand",
      () => makeJob({ update: { HealthCheck: "manual" } }),
      /somebody has to say that each allocation is healthy/,
    ],
    ["a system job", () => makeJob({ type: "system" }), /is of a system job: each node stops its allocation/],
    [
      "no check",
      () => edited(({ group }) => Object.assign(group, { Services: null })),
      /has no service with a check/,
    ],
    [
      "no shutdown_delay",
      () => edited(({ group }) => Object.assign(group, { ShutdownDelay: null })),
      /has no `shutdown_delay`/,
    ],
  ];
  for (const [what, job, expected] of warnings) {
    test(`warns of what cannot be without downtime: ${what}`, async () => {
      nomad.add(job());
      const said = await check();
      assert.match(said, /^ok: .*; warning: /);
      assert.match(said, expected);
    });
  }

  test("warns of a static port, which a canary finds taken", async () => {
    const job = makeJob({ update: { Canary: 1, AutoPromote: true } });
    Object.assign(job.TaskGroups[0] ?? {}, { Networks: [{ ReservedPorts: [{ Label: "http", Value: 80 }] }] });
    nomad.add(job);
    assert.match(await check(), /has a static port: a canary starts only on a node where that is free/);
  });

  test("does not warn of one allocation with a canary that takes its place", async () => {
    nomad.add(makeJob({ count: 1, update: { Canary: 1, AutoPromote: true } }));
    assert.doesNotMatch(await check(), /warning/);
  });
});

function edited(edit: (parts: { group: object }) => void): Job {
  const job = makeJob();
  edit({ group: job.TaskGroups[0] ?? {} });
  return job;
}
