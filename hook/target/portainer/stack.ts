import { EngineError } from "../../engine-api/error.ts";
import { insist } from "../../engine-api/insist.ts";
import { listServices, listTasks, type SwarmService } from "../../engine-api/services.ts";
import { describeRefusal } from "../swarm/deploy.ts";
import { followUpdate } from "../swarm/follow.ts";
import { Refusal } from "../swarm/plan.ts";
import { imageOf } from "../swarm/spec.ts";
import type { CheckContext, CheckResult, DeployContext, Outcome, Release, Target } from "../target.ts";
import { callPortainer } from "./api.ts";
import { connectThrough } from "./docker-proxy.ts";
import {
  findStack,
  readStack,
  type Stack,
  type StackPlan,
  untilDeployed,
  updateOf,
  variableOf,
  withValue,
} from "./stack-api.ts";

/** Changes an environment variable of a stack, has Portainer deploy it, and follows the services of a swarm's. */
export function stackTarget(plan: StackPlan): Target {
  return {
    name: "portainer",
    timeoutMs: 2 * plan.timeoutMs + 30_000,
    deploy: ({ tag }, context) => deployStack(plan, tag, context),
    rollback: ({ tag }, _deployment, context) => deployStack(plan, tag, context),
    current: (context) => currentOfStack(plan, context),
    check: (context) => checkStack(plan, context),
  };
}

async function deployStack(plan: StackPlan, tag: string, context: DeployContext): Promise<Outcome> {
  let stack: Stack;
  let earlier: string;
  try {
    stack = await findStack(plan, context.signal);
    earlier = variableOf(stack, plan.variable);
  } catch (error) {
    return describeRefusal(error);
  }
  const limit = AbortSignal.any([context.signal, AbortSignal.timeout(plan.timeoutMs)]);
  const result = await setTag(plan, stack, tag, { ...context, signal: limit });
  if (result.kind !== "bad")
    return { kind: "succeeded", summary: result.summary, isConverged: result.kind === "converged" };
  const { reason, isTemporary, engine } = result;
  if (engine === "unchanged" || isTemporary || context.signal.aborted || earlier === tag)
    return { kind: "failed", reason, isTemporary, engine };
  // A variable that stays would bring the bad release back with the stack's next change.
  context.log(`${reason}; putting ${plan.variable} back to ${earlier}`);
  const time = AbortSignal.any([context.signal, AbortSignal.timeout(plan.timeoutMs)]);
  const back = await setTag(plan, stack, earlier, { ...context, signal: time });
  if (back.kind === "bad")
    return {
      kind: "failed",
      reason: `${reason}; putting ${plan.variable} back to ${earlier} failed: ${back.reason}`,
      engine: "unknown",
    };
  return {
    kind: "rolled-back",
    reason: `${reason}; ${plan.variable} of the stack ${stack.Name} is ${earlier} again`,
  };
}

type TagSet =
  | { kind: "converged" | "accepted"; summary: string }
  | { kind: "bad"; reason: string; isTemporary: boolean; engine: "unchanged" | "changed" | "unknown" };

async function setTag(
  plan: StackPlan,
  { Id, Name }: Stack,
  tag: string,
  context: DeployContext,
): Promise<TagSet> {
  const { variable } = plan;
  const { signal, log } = context;
  let stage: Stage = "asking";
  try {
    // Read as late as possible: Portainer does not say when somebody else has changed it in between.
    const stack = await readStack(plan, Id, signal);
    const before = await readServices(plan, stack, signal);
    log(`the stack ${Name}: ${variable} ${variableOf(stack, variable)} → ${tag}`);
    const update = await updateOf(plan, stack, withValue(stack, variable, tag), signal);
    stage = "sent";
    await callPortainer(plan.access, { ...update, signal }).catch((error: unknown) =>
      judgeUnanswered(error, plan, Id, tag, context),
    );
    stage = "taken";
    await untilDeployed(plan, Id, context);
    const what = `${variable} of the stack ${Name} is ${tag}`;
    if (before === undefined)
      return {
        kind: "accepted",
        summary: `${what}, and Portainer has deployed it; it does not tell how it went on`,
      };
    return await followServices(plan, stack, before, what, context);
  } catch (error) {
    return judgeError(error, stage);
  }
}

/** How far an update had come: what is asked after it has no effect itself, and says nothing of the update. */
type Stage = "asking" | "sent" | "taken";

function judgeError(error: unknown, stage: Stage): TagSet {
  if (error instanceof Refusal)
    return bad(error.message, { isTemporary: false, isUnchanged: stage === "asking" });
  if (!(error instanceof EngineError)) throw error;
  const { message, isTemporary, hasNoEffect } = error;
  const isUnchanged = stage === "asking" || (stage === "sent" && hasNoEffect);
  // What Portainer itself says of the update is that it went wrong: then the variable goes back.
  return bad(message, { isTemporary: isTemporary && (isUnchanged || !isVerdict(error)), isUnchanged });
}

function bad(
  reason: string,
  { isTemporary, isUnchanged }: { isTemporary: boolean; isUnchanged: boolean },
): TagSet {
  return { kind: "bad", reason, isTemporary, engine: isUnchanged ? "unchanged" : "unknown" };
}

/** A proxy in front of Portainer that has waited long enough, or does not reach it, does not know what it does. */
const gatewayStatuses = [502, 503, 504];

function isVerdict({ status }: EngineError): boolean {
  return status !== undefined && !gatewayStatuses.includes(status);
}

/** Whether an update was taken whose answer was lost, the stack tells; what it does not tell is asked for again. */
async function judgeUnanswered(
  error: unknown,
  plan: StackPlan,
  id: number,
  tag: string,
  { log, signal }: DeployContext,
): Promise<void> {
  const isLost = error instanceof EngineError && error.isTemporary && !error.hasNoEffect && !isVerdict(error);
  if (!isLost) throw error;
  const stack = await insist(() => readStack(plan, id, signal), { log, signal }).catch(() => {
    throw error;
  });
  if (variableOf(stack, plan.variable) !== tag) throw error;
  log(`${error.message}; but the stack ${stack.Name} has ${plan.variable} = ${tag}`);
}

interface ServiceBefore {
  image: string;
  version: number;
  tasks: ReadonlySet<string>;
}

const swarmStack = 1;

/** `undefined` for a stack that is in no swarm. */
async function readServices(
  plan: StackPlan,
  { Type, Name }: Stack,
  signal: AbortSignal,
): Promise<Map<string, ServiceBefore> | undefined> {
  if (Type !== swarmStack) return undefined;
  const engine = await connectThrough(plan, signal);
  const services = await listServices(engine, { label: labelOf(Name), signal });
  const entries = services.map(async (one): Promise<[string, ServiceBefore]> => {
    const tasks = await listTasks(engine, { service: one.ID, signal });
    const ids = new Set(tasks.map(({ ID }) => ID));
    return [one.ID, { image: imageOf(one), version: one.Version.Index, tasks: ids }];
  });
  return new Map(await Promise.all(entries));
}

function labelOf(stack: string): string {
  return `com.docker.stack.namespace=${stack}`;
}

/** All that the update has changed: which services use the variable, only the stack's file knows. */
async function followServices(
  plan: StackPlan,
  { Name }: Stack,
  before: ReadonlyMap<string, ServiceBefore>,
  what: string,
  { signal, log }: DeployContext,
): Promise<TagSet> {
  const engine = await insist(() => connectThrough(plan, signal), { log, signal });
  const services = await insist(() => listServices(engine, { label: labelOf(Name), signal }), {
    log,
    signal,
  });
  const changed = services.filter(
    (one) => before.get(one.ID)?.version !== one.Version.Index || isUnderWay(one),
  );
  const follow = (one: SwarmService) => {
    const earlierTasks = before.get(one.ID)?.tasks ?? new Set<string>();
    return followUpdate(
      engine,
      { id: one.ID, name: one.Spec.Name, image: imageOf(one), earlierTasks },
      { log, signal },
    );
  };
  const results = await Promise.all(changed.map(follow));
  const bad = results.flatMap((result) => (result.kind === "converged" ? [] : [result.reason]));
  if (bad.length > 0) return { kind: "bad", reason: bad.join("; "), isTemporary: false, engine: "changed" };
  const how = results.map((result) => (result.kind === "converged" ? result.how : "")).join("; ");
  return { kind: "converged", summary: `${what} (${how === "" ? "no service had to change" : how})` };
}

/** Of a try before this one, whose answer was lost, for example. */
function isUnderWay({ UpdateStatus }: SwarmService): boolean {
  return /^(?:updating|rollback_started)$/.test(UpdateStatus?.State ?? "");
}

async function currentOfStack(plan: StackPlan, { signal }: CheckContext): Promise<Release | undefined> {
  const stack = await findStack(plan, signal);
  return { tag: variableOf(stack, plan.variable), digest: null };
}

async function checkStack(plan: StackPlan, { signal }: CheckContext): Promise<CheckResult> {
  try {
    const stack = await findStack(plan, signal);
    const value = variableOf(stack, plan.variable);
    if (stack.Type === swarmStack) await connectThrough(plan, signal);
    const from = stack.GitConfig ? "from git" : "from its file";
    const how =
      stack.Type === swarmStack
        ? "its services would be followed"
        : "it is in no swarm: nothing tells how it goes on";
    const detail = `the stack ${stack.Name}, ${from}, has ${plan.variable} = ${value}, which would be changed; ${how}`;
    return { ok: true, detail: `Portainer at ${plan.access.base.origin}: ${detail}` };
  } catch (error) {
    if (error instanceof EngineError || error instanceof Refusal)
      return { ok: false, problem: error.message };
    throw error;
  }
}
