import type { FastifyBaseLogger } from "fastify";
import type { LiveConfig } from "../live-config.ts";
import type { Cancellation, RunSignals } from "../queue/queue.ts";
import type { Service } from "../service.ts";
import type { StateChange } from "../store/changes.ts";
import type { Deployment } from "../store/deployment.ts";
import type { Store } from "../store/store.ts";
import type { Release } from "../target/target.ts";
import { createDeploymentLog, type DeploymentLog, type DeploymentLogTools } from "./deployment-log.ts";
import { type Ending, failed } from "./ending.ts";
import { runPipeline } from "./pipeline.ts";
import type { Run } from "./run.ts";
import { callTarget } from "./target-call.ts";

export interface DeployTools {
  store: Store;
  live: LiveConfig;
  logger: FastifyBaseLogger;
}

/** Works on one claimed deployment until it ends or has to wait, and writes down how and why. */
export async function deploy(deployment: Deployment, signals: RunSignals, tools: DeployTools): Promise<void> {
  const { id, service, image, tag, target, attempt } = deployment;
  const about = { deployment: id, service, tag, target, actor: deployment.actor };
  const log = openLog(id, tools);
  const startedMs = performance.now();
  tools.logger.info({ ...about, attempt }, "deployment started");
  log.add(`deploying ${image}:${tag} with ${target}${attempt > 1 ? ` (attempt ${attempt})` : ""}`);
  const found: Found = {};
  const ending = await work(deployment, signals, log, tools, found).catch((error: unknown) => {
    tools.logger.error({ err: error, ...about }, "the hook itself broke");
    return failed(`the hook itself broke: ${(error as Error).message}; its own log has more`);
  });
  log.add(describe(ending));
  log.close();
  await writeDown(id, ending, found, tools.store);
  const durationMs = Math.round(performance.now() - startedMs);
  const level = ending.kind === "failed" || ending.kind === "rolled-back" ? "error" : "info";
  tools.logger[level]({ ...about, durationMs, reason: ending.reason }, `deployment ${ending.kind}`);
}

/** What was found out on the way and belongs into the history. */
type Found = Pick<StateChange, "digest">;

function openLog(id: number, { store, logger }: DeployTools): DeploymentLog {
  const write: DeploymentLogTools["write"] = (lines, cut) => {
    store
      .appendLog(id, lines, cut)
      // Losing lines is better than losing the deployment.
      .catch((error: unknown) =>
        logger.error({ err: error, deployment: id }, "lines of the deployment's log could not be stored"),
      );
  };
  return createDeploymentLog({ after: store.lastLogSequence(id), write });
}

/** Validates before anything moves, then leaves it to the pipeline. */
async function work(
  deployment: Deployment,
  signals: RunSignals,
  log: DeploymentLog,
  tools: DeployTools,
  found: Found,
): Promise<Ending> {
  const service = tools.live.current.services.get(deployment.service);
  if (service === undefined) return failed("the service is no longer in the config");
  if (service.image.text !== deployment.image) {
    return failed(`the service's image is ${service.image.text} now; a webhook of that image deploys it`);
  }
  return runPipeline(createRun(deployment, service, signals, log, tools, found));
}

function createRun(
  deployment: Deployment,
  service: Service,
  { handOver, cancel }: RunSignals,
  log: DeploymentLog,
  { store }: DeployTools,
  found: Found,
): Run {
  const { id } = deployment;
  const signal = AbortSignal.any([handOver, cancel]);
  const remember = (note: string | undefined) => store.remember(id, note ?? null);
  const run: Run = {
    deployment,
    service,
    replaced: findReplaced(deployment, store),
    firstStartedAtMs: deployment.firstStartedAtMs ?? Date.now(),
    retries: deployment.retries,
    signal,
    log: log.add,
    noteDigest(digest) {
      found.digest = digest;
    },
    async enter(state, reason) {
      await store.transition(id, state, { reason, actor: "hook", ...found });
    },
    reasonFor: (state) => store.listTransitions(id).find((one) => one.state === state)?.reason ?? null,
    call: (target) => callTarget(service.target, target, { signal, log: log.add, remember }),
    interrupt(interruptedIn, left) {
      if (!cancel.aborted) {
        const reason = `interrupted because the hook was stopped; the next start goes on: ${left}`;
        return { kind: "handed-over", interruptedIn, reason };
      }
      const { actor } = cancel.reason as Cancellation;
      return { kind: "cancelled", actor, reason: `cancelled by ${actor}: ${left}` };
    },
  };
  return run;
}

/** A tag of the image that the service had before is no release of the one that it has now. */
function findReplaced({ replaces, image }: Deployment, store: Store): Release | undefined {
  const found = replaces === null ? undefined : store.find(replaces);
  return found?.image === image ? { tag: found.tag, digest: found.digest } : undefined;
}

function describe(ending: Ending): string {
  if (ending.kind !== "retry") return ending.reason;
  return `${ending.reason}; trying again in ${(ending.pauseMs / 1000).toFixed(1)} s`;
}

async function writeDown(id: number, ending: Ending, found: Found, store: Store): Promise<void> {
  const actor = ending.kind === "cancelled" ? ending.actor : "hook";
  const { reason } = ending;
  const change: StateChange = { reason, actor, ...found };
  switch (ending.kind) {
    case "handed-over":
      await store.handOver(id, ending.interruptedIn, reason);
      return;
    case "retry": {
      const notBeforeMs = Date.now() + ending.pauseMs;
      const leftEngine = ending.engine === "unchanged" ? null : ending.engine;
      await store.transition(id, "waiting", { ...change, waitingFor: "retry", notBeforeMs, leftEngine });
      return;
    }
    case "rolled-back": {
      const { rolledBackTo } = ending;
      await store.transition(id, ending.kind, {
        ...change,
        ...(rolledBackTo !== undefined && { rolledBackTo }),
      });
      return;
    }
    default:
      await store.transition(id, ending.kind, change);
  }
}
