import type { FastifyBaseLogger } from "fastify";
import { createDeploymentLog, type DeploymentLog } from "./deployment-log.ts";
import type { Metrics } from "./metrics.ts";
import type { Service } from "./service.ts";
import type { Deployment } from "./store/deployment.ts";
import type { Store } from "./store/store.ts";
import type { Outcome, Target } from "./target/target.ts";

export interface DeployTools {
  store: Store;
  services: ReadonlyMap<string, Service>;
  metrics: Metrics;
  logger: FastifyBaseLogger;
}

/** A target that does not honour its signal would block its service for ever: it is given this long, then left. */
const ignoredSignalMs = 15_000;

/**
 * Runs one claimed deployment to its end and writes down how it ended. `handOver` is aborted when the process has
 * to leave: the deployment then goes back to the queue for the next start.
 */
export async function deploy(
  deployment: Deployment,
  handOver: AbortSignal,
  tools: DeployTools,
): Promise<void> {
  const { store, logger } = tools;
  const { id } = deployment;
  const log = createDeploymentLog((lines) => {
    try {
      store.appendLog(id, lines);
    } catch (error) {
      // Losing lines is better than losing the deployment.
      logger.error({ err: error, deployment: id }, "lines of the deployment's log could not be stored");
    }
  });
  const startedMs = Date.now();
  const { service, tag, target, attempt } = deployment;
  logger.info({ deployment: id, service, tag, target, attempt }, "deployment started");
  log.add(`deploying ${deployment.image}:${tag} with ${target}${attempt > 1 ? ` (attempt ${attempt})` : ""}`);
  const outcome = await attemptDeployment(deployment, handOver, log, tools);
  const wasInterrupted = handOver.aborted && outcome.kind === "failed";
  const ending = wasInterrupted ? "handed-over" : outcome.kind;
  const reason = wasInterrupted
    ? "interrupted because the hook was stopped; the next start deploys it"
    : outcome.kind === "succeeded"
      ? outcome.summary
      : outcome.reason;
  log.add(reason);
  log.close();
  if (ending === "handed-over") store.handOver(id, reason);
  else store.finish(id, ending, reason, Date.now());
  const durationMs = Date.now() - startedMs;
  tools.metrics.countDeployment(deployment, ending, durationMs / 1000);
  const level = ending === "failed" ? "error" : "info";
  logger[level]({ deployment: id, service, tag, target, durationMs, reason }, `deployment ${ending}`);
}

async function attemptDeployment(
  deployment: Deployment,
  handOver: AbortSignal,
  log: DeploymentLog,
  { services }: DeployTools,
): Promise<Outcome> {
  const service = services.get(deployment.service);
  if (service === undefined) return fail("the service is no longer in the config");
  if (service.image.text !== deployment.image) {
    return fail(`the service's image is ${service.image.text} now; a webhook of that image deploys it`);
  }
  try {
    return await runTarget(service.target, deployment, handOver, log);
  } catch (error) {
    return fail(`the target ${service.target.name} broke: ${(error as Error).message}`);
  }
}

async function runTarget(
  target: Target,
  deployment: Deployment,
  handOver: AbortSignal,
  log: DeploymentLog,
): Promise<Outcome> {
  const deadline = new Date(Date.now() + target.timeoutMs);
  const timeLimit = new AbortController();
  const limitTimer = setTimeout(() => timeLimit.abort(new Error("time limit")), target.timeoutMs);
  const signal = AbortSignal.any([timeLimit.signal, handOver]);
  const giveUp = leaveAfter(signal, ignoredSignalMs);
  const outcome = await Promise.race([
    target.deploy(deployment, { log: log.add, signal, deadline }),
    giveUp.outcome,
  ]);
  clearTimeout(limitTimer);
  giveUp.cancel();
  if (outcome.kind === "succeeded" || !timeLimit.signal.aborted) return outcome;
  return fail(`${outcome.reason} (time limit ${target.timeoutMs / 1000} s)`);
}

/** An outcome that comes a while after a signal, for when none else does. */
function leaveAfter(signal: AbortSignal, delayMs: number): { outcome: Promise<Outcome>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  let start = () => {};
  const outcome = new Promise<Outcome>((resolve) => {
    start = () => {
      timer = setTimeout(
        () => resolve(fail("the target did not stop when it was told to; left it")),
        delayMs,
      );
    };
    signal.addEventListener("abort", start, { once: true });
  });
  const cancel = () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", start);
  };
  return { outcome, cancel };
}

function fail(reason: string): Outcome {
  return { kind: "failed", reason };
}
