/**
 * A loopback server that answers Nomad's HTTP API as Nomad's own source does (2.0; repository hashicorp/nomad), with a
 * cluster behind it that places, heals and reverts at a pace of milliseconds; a deployment takes its next step when
 * somebody has been told of the last one, so that a slow machine sees what a quick one does. What it was asked for is kept.
 *
 * Routes, each under /v1 (command/agent/http.go registers them):
 *   GET  job/{id}, POST job/{id}/plan, POST job/{id}/revert, GET job/{id}/versions, deployments, allocations
 *   POST jobs                                       command/agent/job_endpoint.go, nomad/job_endpoint.go
 *   GET  evaluation/{id}                            command/agent/eval_endpoint.go
 *   GET  deployment/{id}, deployment/allocations/{id}, POST deployment/promote/{id}
 *                                                   command/agent/deployment_endpoint.go, nomad/deployment_endpoint.go
 * Errors are plain text, 500 unless coded, 403 for two of them: `wrap` in command/agent/http.go.
 * Blocking queries, `X-Nomad-Index`: `parseWait` and `setMeta` there, `blockingRPC` in nomad/rpc.go.
 */
import { randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Allocation, FailedPlacements } from "../../hook/target/nomad/allocation.ts";
import type { GroupState, NomadDeployment } from "../../hook/target/nomad/deployment.ts";
import type { Group, Job } from "../../hook/target/nomad/job.ts";

/** What becomes of a task with an image: healthy unless `fate` says otherwise. */
export type Fate = "healthy" | "pull-fails" | "check-fails" | "crashes" | "waits";

export interface NomadServer {
  origin: string;
  /** `METHOD path?query`, in the order they came, without blocking ones. */
  requests: string[];
  /** Parsed bodies by path. */
  bodies: { path: string; body: Record<string, unknown> }[];
  /** By image as the task gets it. */
  fates: Map<string, Fate>;
  cluster: Cluster;
  /** Capabilities by token; without one, ACLs are off. */
  tokens: Map<string, readonly string[]>;
  /** Called with each request before it is answered; what it returns is the answer instead. */
  intercept: (method: string, path: string) => Answer | undefined;
  add(job: Job, more?: { namespace?: string }): void;
  /** What somebody else registers. */
  change(id: string, edit: (job: Job) => void): void;
  /** Something of the deployment was changed: its watchers are told. */
  touch(deployment: NomadDeployment | undefined): void;
  job(id: string): Job;
  versions(id: string): Job[];
  deployments: Deployment[];
  allocations: Allocated[];
  stop(): Promise<void>;
}

export interface Cluster {
  /** How many allocations there is room for. */
  slots: number;
  /** A constraint that no node fulfils. */
  excludedBy?: string | undefined;
  /** Between two steps of everything. */
  stepMs: number;
}

export interface Answer {
  status: number;
  body: unknown;
  index?: number;
}

type Deployment = NomadDeployment & { Namespace: string; JobID: string; ModifyIndex: number };
type Allocated = Allocation & { JobID: string; TaskGroup: string; DeploymentID: string; image: string };
type Versioned = Job & { Namespace: string; Stable: boolean; ModifyIndex: number };
interface Evaluation {
  ID: string;
  Namespace: string;
  JobID: string;
  Status: string;
  StatusDescription: string;
  FailedTGAllocs: FailedPlacements;
  BlockedEval: string;
  ModifyIndex: number;
}

export async function startNomad(): Promise<NomadServer> {
  const changes = new EventEmitter().setMaxListeners(0);
  const jobs = new Map<string, Versioned[]>();
  const evaluations: Evaluation[] = [];
  const deployments: Deployment[] = [];
  const allocations: Allocated[] = [];
  /** The `ModifyIndex` of each deployment as it was last told. */
  const told = new Map<string, number>();
  const cluster: Cluster = { slots: 100, stepMs: 3 };
  const timers = new Set<NodeJS.Timeout>();
  let raftIndex = 1000;
  let isStopped = false;

  const next = () => {
    raftIndex += 1;
    queueMicrotask(() => changes.emit("change"));
    return raftIndex;
  };
  const later = (work: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (!isStopped) work();
    }, cluster.stepMs);
    timers.add(timer);
  };
  const keyOf = (namespace: string, id: string) => `${namespace}/${id}`;
  const current = (namespace: string, id: string) => jobs.get(keyOf(namespace, id))?.[0];

  /** state_store.go: UpsertJob, upsertJobVersion (JobTrackedVersions is 6 by default). */
  function upsert(namespace: string, given: Job, index = next()): Versioned {
    const earlier = jobs.get(keyOf(namespace, given.ID)) ?? [];
    const job: Versioned = {
      ...structuredClone(given),
      Namespace: namespace,
      Version: earlier[0] === undefined ? 0 : earlier[0].Version + 1,
      Stable: false,
      JobModifyIndex: index,
      ModifyIndex: index,
    };
    jobs.set(keyOf(namespace, given.ID), [job, ...earlier].slice(0, 6));
    return job;
  }

  function makeEvaluation({ Namespace, ID: JobID }: Versioned): Evaluation {
    const evaluation = {
      ID: randomUUID(),
      Namespace,
      JobID,
      Status: "pending",
      StatusDescription: "",
      FailedTGAllocs: null,
      BlockedEval: "",
      ModifyIndex: raftIndex,
    };
    evaluations.push(evaluation);
    later(() => schedule(evaluation));
    return evaluation;
  }

  /** A job's groups that cannot be placed in full: `AllocMetric` as scheduler/rank.go and feasible.go fill it. */
  function findFailures(job: Job): FailedPlacements {
    const failures: NonNullable<FailedPlacements> = {};
    for (const { Name, Count, Update } of job.TaskGroups) {
      const exhausted = Count + (Update?.Canary ?? 0) > cluster.slots;
      if (!exhausted && cluster.excludedBy === undefined) continue;
      failures[Name] = {
        NodesEvaluated: 3,
        NodesExhausted: cluster.excludedBy === undefined ? 3 : 0,
        ConstraintFiltered: cluster.excludedBy === undefined ? null : { [cluster.excludedBy]: 3 },
        DimensionExhausted: cluster.excludedBy === undefined ? { memory: 3 } : null,
        QuotaExhausted: null,
      };
    }
    return Object.keys(failures).length === 0 ? null : failures;
  }

  /** generic_sched.go: Process. What has no room is left to a blocked evaluation, tried again here with each step. */
  function schedule(evaluation: Evaluation): void {
    const job = current(evaluation.Namespace, evaluation.JobID);
    if (job === undefined) return;
    const failed = findFailures(job);
    if (evaluation.Status === "pending") {
      evaluation.FailedTGAllocs = failed;
      evaluation.BlockedEval = failed === null ? "" : randomUUID();
      evaluation.Status = "complete";
    }
    const usesDeployments =
      job.Type === "service" && job.TaskGroups.some(({ Update }) => (Update?.MaxParallel ?? 0) > 0);
    const existing = deployments.find(
      (one) => one.JobID === job.ID && one.JobSpecModifyIndex === job.JobModifyIndex,
    );
    if (usesDeployments && existing === undefined) startDeployment(job);
    evaluation.ModifyIndex = next();
    if (failed !== null) return void later(() => schedule(evaluation));
    if (!usesDeployments) replaceAll(job);
    else later(() => step(deployments.find((one) => one.JobSpecModifyIndex === job.JobModifyIndex)));
  }

  /** structs.NewDeployment; an active one of an earlier version is cancelled (reconcile_cluster.go). */
  function startDeployment(job: Versioned): void {
    for (const one of deployments) {
      if (one.JobID !== job.ID || !["running", "paused"].includes(one.Status)) continue;
      finish(one, "cancelled", "Cancelled due to newer version of job");
    }
    const index = next();
    deployments.push({
      ID: randomUUID(),
      Namespace: job.Namespace,
      JobID: job.ID,
      JobVersion: job.Version,
      JobSpecModifyIndex: job.JobModifyIndex,
      Status: "running",
      StatusDescription: "Deployment is running",
      TaskGroups: Object.fromEntries(job.TaskGroups.map((group) => [group.Name, stateOf(job, group)])),
      CreateIndex: index,
      ModifyIndex: index,
    });
  }

  /** No canaries for a job that has nothing to be compared with, nor for one that goes back (computeGroup). */
  function stateOf(job: Versioned, { Name, Count, Update }: Group): GroupState {
    const isNew = !allocations.some((one) => one.JobID === job.ID && one.TaskGroup === Name && isLive(one));
    return {
      AutoRevert: Update?.AutoRevert ?? false,
      AutoPromote: Update?.AutoPromote ?? false,
      Promoted: false,
      PlacedCanaries: null,
      DesiredCanaries: isNew ? 0 : (Update?.Canary ?? 0),
      DesiredTotal: Count,
      PlacedAllocs: 0,
      HealthyAllocs: 0,
      UnhealthyAllocs: 0,
    };
  }

  function finish(deployment: Deployment, status: Deployment["Status"], description: string): void {
    deployment.Status = status;
    deployment.StatusDescription = description;
    deployment.ModifyIndex = next();
  }

  /** deployment_watcher.go: watch. */
  function step(deployment: Deployment | undefined): void {
    if (deployment?.Status !== "running") return;
    if ((told.get(deployment.ID) ?? 0) < deployment.ModifyIndex) return void later(() => step(deployment));
    const job = jobs
      .get(keyOf(deployment.Namespace, deployment.JobID))
      ?.find((one) => one.Version === deployment.JobVersion);
    if (job === undefined) return;
    const before = JSON.stringify(deployment);
    for (const group of job.TaskGroups) {
      const state = deployment.TaskGroups?.[group.Name];
      if (state === undefined) continue;
      judgeHealth(deployment, state, group.Name);
      if (state.UnhealthyAllocs > 0) return void fail(deployment, job, state);
      place(deployment, job, group, state);
    }
    const states = Object.values(deployment.TaskGroups ?? {});
    const isDone = states.every(
      (one) => one.HealthyAllocs >= one.DesiredTotal && (one.DesiredCanaries === 0 || one.Promoted),
    );
    if (JSON.stringify(deployment) !== before) deployment.ModifyIndex = next();
    if (!isDone) return void later(() => step(deployment));
    for (const one of liveOf(job.ID)) if (one.JobVersion !== job.Version) end(one);
    job.Stable = true;
    finish(deployment, "successful", "Deployment completed successfully");
  }

  /** What the clients tell of those that were placed a step ago (client/allochealth/tracker.go). */
  function judgeHealth(deployment: Deployment, state: GroupState, group: string): void {
    const waiting = allocations.filter(
      (one) => one.DeploymentID === deployment.ID && one.TaskGroup === group && one.DeploymentStatus === null,
    );
    for (const one of waiting) {
      const fate = server.fates.get(one.image) ?? "healthy";
      if (fate === "waits") continue;
      run(one, fate);
      one.DeploymentStatus = { Healthy: fate === "healthy" };
      if (fate === "healthy") state.HealthyAllocs += 1;
      else state.UnhealthyAllocs += 1;
    }
  }

  /** reconcile_cluster.go: canaries beside what runs; otherwise at most MaxParallel at a time, each in the place of one. */
  function place(deployment: Deployment, job: Versioned, group: Group, state: GroupState): void {
    const isCanary = state.DesiredCanaries > 0 && !state.Promoted;
    const aim = isCanary ? state.DesiredCanaries : state.DesiredTotal;
    const underWay = state.PlacedAllocs - state.HealthyAllocs;
    const most = isCanary ? aim : (group.Update?.MaxParallel ?? 1);
    for (let count = underWay; count < most && state.PlacedAllocs < aim; count++) {
      const old = liveOf(job.ID).find(
        (one) => one.TaskGroup === group.Name && one.JobVersion !== job.Version,
      );
      if (!isCanary && old !== undefined) end(old);
      const placed = allocate(job, group, state.PlacedAllocs, deployment.ID);
      if (isCanary) state.PlacedCanaries = [...(state.PlacedCanaries ?? []), placed.ID];
      state.PlacedAllocs += 1;
    }
    if (isCanary && state.AutoPromote && state.HealthyAllocs >= state.DesiredCanaries) state.Promoted = true;
    const word = state.AutoPromote ? "pending automatic promotion" : "but requires manual promotion";
    deployment.StatusDescription = `Deployment is running${isCanary && !state.Promoted ? ` ${word}` : ""}`;
  }

  /** `watch` from FAIL on: handleRollbackValidity, latestStableJob. */
  function fail(deployment: Deployment, job: Versioned, { AutoRevert }: GroupState): void {
    const what = "Failed due to unhealthy allocations";
    const stable = jobs.get(keyOf(job.Namespace, job.ID))?.find((one) => one.Stable);
    if (!AutoRevert) return void finish(deployment, "failed", what);
    if (stable === undefined)
      return void finish(deployment, "failed", `${what} - no stable job version to auto revert to`);
    if (isSameSpec(stable, job)) {
      const words = `not rolling back to stable job version ${stable.Version} as current job has same specification`;
      return void finish(deployment, "failed", `${what} - ${words}`);
    }
    finish(deployment, "failed", `${what} - rolling back to job version ${stable.Version}`);
    for (const one of allocations) if (one.DeploymentID === deployment.ID) end(one);
    makeEvaluation(upsert(job.Namespace, stable));
  }

  /** Without a deployment: everything at once (a service), or each node by itself (scheduler_system.go). */
  function replaceAll(job: Versioned): void {
    const isOld = (one: Allocated) => one.JobVersion !== job.Version;
    for (const one of liveOf(job.ID)) if (isOld(one)) end(one);
    for (const group of job.TaskGroups) {
      for (let index = 0; index < group.Count; index++) {
        const placed = allocate(job, group, index, "");
        const fate = server.fates.get(placed.image) ?? "healthy";
        if (fate !== "waits") later(() => run(placed, fate));
      }
    }
    next();
  }

  function allocate(job: Versioned, group: Group, index: number, deploymentId: string): Allocated {
    const task = group.Tasks[0];
    const values: Record<string, string> = { ...task?.Env };
    for (const [key, value] of Object.entries({ ...job.Meta, ...group.Meta, ...task?.Meta }))
      values[`NOMAD_META_${key}`] = value;
    const allocation: Allocated = {
      ID: randomUUID(),
      Name: `${job.ID}.${group.Name}[${index}]`,
      JobID: job.ID,
      JobVersion: job.Version,
      TaskGroup: group.Name,
      DeploymentID: deploymentId,
      DesiredStatus: "run",
      ClientStatus: "pending",
      ClientDescription: "",
      TaskStates: null,
      DeploymentStatus: null,
      NextAllocation: "",
      ModifyIndex: next(),
      image: String(task?.Config?.["image"]).replace(
        /\$\{([^}]+)\}/g,
        (_whole, name: string) => values[name] ?? "",
      ),
    };
    allocations.push(allocation);
    return allocation;
  }

  /** The events' words: drivers/docker/driver.go, client/allochealth/tracker.go, structs.TaskEvent.PopulateEventDisplayMessage. */
  function run(allocation: Allocated, fate: Fate): void {
    const events: Record<Fate, [type: string, message: string][]> = {
      healthy: [["Started", "Task started by client"]],
      waits: [],
      "pull-fails": [
        [
          "Driver Failure",
          `Failed to pull \`${allocation.image}\`: Error response from daemon: manifest unknown`,
        ],
        ["Not Restarting", "Error was unrecoverable"],
      ],
      "check-fails": [
        ["Started", "Task started by client"],
        ["Alloc Unhealthy", "Task not running for min_healthy_time of 10s by healthy_deadline of 5m0s"],
      ],
      crashes: [
        ["Started", "Task started by client"],
        ["Terminated", 'Exit Code: 1, Exit Message: "Docker container exited with non-zero exit code: 1"'],
      ],
    };
    const isFailed = fate === "pull-fails" || fate === "crashes";
    allocation.ClientStatus = isFailed ? "failed" : "running";
    const Events = events[fate].map(([Type, DisplayMessage]) => ({ Type, DisplayMessage }));
    allocation.TaskStates = { server: { Failed: isFailed, Restarts: 0, Events } };
    allocation.ModifyIndex = next();
  }

  function end(allocation: Allocated): void {
    allocation.DesiredStatus = "stop";
    allocation.ClientStatus = "complete";
    allocation.ModifyIndex = next();
  }

  const isLive = (one: Allocated) =>
    one.DesiredStatus === "run" && ["pending", "running"].includes(one.ClientStatus);
  const liveOf = (id: string) => allocations.filter((one) => one.JobID === id && isLive(one));

  interface Asked {
    method: string;
    parts: string[];
    namespace: string;
    body: Record<string, unknown>;
  }

  function answer({ method, parts, namespace, body }: Asked): Answer {
    const [kind = "", id = "", action = ""] = parts;
    const job = kind === "job" ? current(namespace, id) : undefined;
    switch (`${method} ${kind}${action && ` ${action}`}`) {
      case "POST jobs":
        return registerJob(namespace, body);
      case "GET job":
        return job === undefined
          ? notFound("job not found")
          : { status: 200, body: job, index: job.ModifyIndex };
      case "POST job plan":
        return planJob(namespace, body["Job"] as Job);
      case "POST job revert":
        return revertJob(namespace, id, body);
      case "GET job versions":
        return {
          status: 200,
          body: { Versions: jobs.get(keyOf(namespace, id)) ?? [], Diffs: null, ...{ Index: raftIndex } },
        };
      case "GET job deployments": {
        const found = deployments.filter((one) => one.JobID === id && one.Namespace === namespace);
        return { status: 200, body: found, index: Math.max(1, ...found.map((one) => one.ModifyIndex)) };
      }
      case "GET job allocations": {
        const found = allocations.filter((one) => one.JobID === id);
        return { status: 200, body: found, index: Math.max(1, ...found.map((one) => one.ModifyIndex)) };
      }
      case "GET evaluation": {
        const found = evaluations.find((one) => one.ID === id);
        return found === undefined
          ? notFound("eval not found")
          : { status: 200, body: found, index: found.ModifyIndex };
      }
      default:
        return kind === "deployment" ? answerDeployment(method, id, action) : notFound("");
    }
  }

  function answerDeployment(method: string, id: string, action: string): Answer {
    const found = deployments.find((one) => one.ID === (action || id));
    if (found === undefined) return notFound("deployment not found");
    if (method === "GET" && action === "") return { status: 200, body: found, index: found.ModifyIndex };
    if (method === "GET" && id === "allocations")
      return {
        status: 200,
        body: allocations.filter((one) => one.DeploymentID === found.ID),
        index: raftIndex,
      };
    if (method !== "POST" || id !== "promote") return notFound("");
    return promote(found);
  }

  /** nomad/deployment_endpoint.go Promote, state_store.go UpdateDeploymentPromotion (a multierror's text). */
  function promote(deployment: Deployment): Answer {
    if (deployment.Status !== "running") return failure("can't promote terminal deployment");
    for (const [name, { DesiredCanaries, HealthyAllocs }] of Object.entries(deployment.TaskGroups ?? {})) {
      if (HealthyAllocs >= DesiredCanaries) continue;
      return failure(
        `1 error occurred:\n\t* Task group "${name}" has ${HealthyAllocs}/${DesiredCanaries} healthy allocations\n\n`,
      );
    }
    for (const state of Object.values(deployment.TaskGroups ?? {})) state.Promoted = true;
    deployment.StatusDescription = "Deployment is running";
    deployment.ModifyIndex = next();
    return { status: 200, body: { EvalID: randomUUID(), DeploymentModifyIndex: raftIndex } };
  }

  /** nomad/job_endpoint.go: doRegister. */
  function registerJob(namespace: string, body: Record<string, unknown>): Answer {
    const job = body["Job"] as Job;
    const existing = current(namespace, job.ID);
    const index = Number(body["JobModifyIndex"]);
    if (body["EnforceIndex"] === true && index !== (existing?.JobModifyIndex ?? 0)) {
      // structs/job.go: EnforceIndex.
      const how =
        existing === undefined
          ? "job does not exist"
          : `job exists with conflicting job modify index: ${existing.JobModifyIndex}`;
      return failure(`Enforcing job modify index ${index}: ${how}`);
    }
    if (job.TaskGroups.some(({ Tasks }) => Tasks.length === 0)) {
      return failure(
        "1 error occurred:\n\t* Task group web validation failed: Missing tasks for task group\n\n",
      );
    }
    return takeJob(namespace, job, existing, body["PreserveCounts"] === true);
  }

  function takeJob(
    namespace: string,
    job: Job,
    existing: Versioned | undefined,
    preservesCounts: boolean,
  ): Answer {
    if (preservesCounts) {
      for (const group of job.TaskGroups) {
        group.Count = existing?.TaskGroups.find(({ Name }) => Name === group.Name)?.Count ?? group.Count;
      }
    }
    const isNew = existing === undefined || !isSameSpec(existing, job);
    const taken = isNew ? upsert(namespace, job) : existing;
    // No evaluation for these two.
    const hasNone = job.Periodic !== null || job.ParameterizedJob !== null;
    const EvalID = hasNone ? "" : makeEvaluation(taken).ID;
    return { status: 200, body: { EvalID, JobModifyIndex: taken.JobModifyIndex, Warnings: "" } };
  }

  /** nomad/job_endpoint.go: Plan; `JobDiff.Type` is None, Added or Edited (structs/diff.go). */
  function planJob(namespace: string, job: Job): Answer {
    const existing = current(namespace, job.ID);
    const isUnchanged = existing !== undefined && isSameSpec(existing, job);
    const Type = existing === undefined ? "Added" : isUnchanged ? "None" : "Edited";
    // The scheduler has nothing to place where nothing has changed.
    const FailedTGAllocs = isUnchanged ? null : findFailures(job);
    return {
      status: 200,
      body: { Diff: { Type }, FailedTGAllocs, JobModifyIndex: existing?.JobModifyIndex ?? 0, Warnings: "" },
    };
  }

  /** nomad/job_endpoint.go: Revert. */
  function revertJob(namespace: string, id: string, body: Record<string, unknown>): Answer {
    const existing = current(namespace, id);
    if (existing === undefined) return failure(`job "${id}" not found`);
    const version = Number(body["JobVersion"]);
    if (version === existing.Version) return failure("can't revert to current version");
    const found = jobs.get(keyOf(namespace, id))?.find((one) => one.Version === version);
    if (found === undefined)
      return failure(`job "${id}" in namespace "${namespace}" at version ${version} not found`);
    const enforced = body["EnforcePriorVersion"];
    if (enforced !== undefined && enforced !== existing.Version)
      return failure(`Current job has version ${existing.Version}; enforcing version ${String(enforced)}`);
    return takeJob(namespace, structuredClone(found), existing, false);
  }

  /** Which of the capabilities (acl/policy.go) lets a token do it. */
  function isAllowed({ method }: Asked, token: string | undefined): boolean {
    if (server.tokens.size === 0) return true;
    const has = server.tokens.get(token ?? "") ?? [];
    return has.includes(method === "GET" ? "read-job" : "submit-job");
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "" } = request;
    const { pathname, searchParams } = new URL(request.url ?? "", "http://nomad");
    const index = Number(searchParams.get("index") ?? 0);
    const path = pathname.replace(/^\/v1\//, "");
    const parts = path.split("/").map(decodeURIComponent);
    if (index === 0) server.requests.push(`${method} ${path}${withoutWaiting(searchParams)}`);
    const chunks = await request.toArray();
    const body = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
    if (chunks.length > 0) server.bodies.push({ path, body });
    const asked = { method, parts, namespace: searchParams.get("namespace") ?? "default", body };
    const token = request.headers["x-nomad-token"];
    const region = searchParams.get("region") ?? "global";
    const decide = (): Answer => {
      // nomad/rpc.go: forwardRegion.
      if (region !== "global") return failure("No path to region");
      if (!isAllowed(asked, typeof token === "string" ? token : undefined))
        return { status: 403, body: "Permission denied" };
      return answer(asked);
    };
    let result = server.intercept(method, path) ?? decide();
    const untilMs = Date.now() + Number.parseInt(searchParams.get("wait") ?? "0", 10) * 1000;
    // blockingRPC: answers at once when there is something newer than the index.
    while (
      index > 0 &&
      result.status === 200 &&
      (result.index ?? 0) <= index &&
      Date.now() < untilMs &&
      !isStopped
    ) {
      await once(changes, "change");
      result = decide();
    }
    if (parts[0] === "deployment" && parts[1] !== undefined) told.set(parts[1], result.index ?? 0);
    const text = typeof result.body === "string" ? result.body : JSON.stringify(result.body);
    const type = typeof result.body === "string" ? "text/plain; charset=utf-8" : "application/json";
    response
      .writeHead(result.status, { "content-type": type, "x-nomad-index": String(result.index ?? raftIndex) })
      .end(text);
  }

  const http = createServer((request, response) => {
    respond(request, response).catch((error: Error) => response.destroy(error));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));

  const server: NomadServer = {
    origin: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    requests: [],
    bodies: [],
    fates: new Map(),
    cluster,
    tokens: new Map(),
    intercept: () => undefined,
    deployments,
    allocations,
    /** As if it had run for long: stable, and its allocations healthy. */
    add(given, { namespace = "default" } = {}) {
      const job = upsert(namespace, given);
      job.Stable = true;
      for (const group of job.TaskGroups) {
        for (let index = 0; index < group.Count; index++) run(allocate(job, group, index, ""), "healthy");
      }
    },
    change(id, edit) {
      const job = structuredClone(this.job(id));
      edit(job);
      makeEvaluation(upsert("default", job));
    },
    touch(deployment) {
      const found = deployments.find((one) => one === deployment);
      if (found !== undefined) found.ModifyIndex = next();
    },
    job: (id) => current("default", id) ?? fail404(id),
    versions: (id) => jobs.get(keyOf("default", id)) ?? [],
    async stop() {
      isStopped = true;
      for (const timer of timers) clearTimeout(timer);
      changes.emit("change");
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return server;
}

function fail404(id: string): never {
  throw new Error(`no job ${id}`);
}

/** structs.Job.SpecChanged: all but what the server sets. */
function isSameSpec(one: Job, other: Job): boolean {
  const [first, second] = [one, other].map((job) => {
    const { Version, JobModifyIndex, ModifyIndex, Stable, VersionTag, ...spec } = job as Versioned & {
      VersionTag?: unknown;
    };
    return JSON.stringify(Object.entries(spec).sort());
  });
  return first === second;
}

function withoutWaiting(parameters: URLSearchParams): string {
  const rest = [...parameters].filter(([name]) => name !== "index" && name !== "wait");
  return rest.length === 0 ? "" : `?${new URLSearchParams(rest)}`;
}

function notFound(text: string): Answer {
  return { status: 404, body: text };
}

function failure(text: string): Answer {
  return { status: 500, body: text };
}

/** A service job with one group and one task, as `GET /v1/job/:id` tells it. */
export function makeJob(
  more: { image?: string; count?: number; update?: object | null; type?: string } = {},
): Job {
  const { image = "stut/blog:v1", count = 2, update = {}, type = "service" } = more;
  const block = {
    MaxParallel: 1,
    HealthCheck: "checks",
    // structs.DefaultUpdateStrategy has 10 s; nobody waits for that here.
    MinHealthyTime: 50_000_000,
    HealthyDeadline: 300_000_000_000,
    ProgressDeadline: 600_000_000_000,
    Canary: 0,
    AutoRevert: true,
    AutoPromote: false,
    ...update,
  };
  return {
    ID: "blog",
    Type: type,
    Stop: false,
    Version: 0,
    JobModifyIndex: 0,
    Periodic: null,
    ParameterizedJob: null,
    Meta: null,
    TaskGroups: [
      {
        Name: "web",
        Count: count,
        Update: update === null ? null : block,
        Meta: null,
        Services: [{ Checks: [{ Name: "alive", Type: "http", Path: "/" }] }],
        Networks: [{ ReservedPorts: null }],
        ShutdownDelay: 5_000_000_000,
        Tasks: [
          {
            Name: "server",
            Driver: "docker",
            Config: { image, ports: ["http"] },
            Env: null,
            Meta: null,
            Services: null,
            ShutdownDelay: 0,
          },
        ],
      },
    ],
  };
}
