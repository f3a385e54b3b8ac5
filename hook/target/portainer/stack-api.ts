import { setTimeout as sleep } from "node:timers/promises";
import { EngineError } from "../../engine-api/error.ts";
import { insist } from "../../engine-api/insist.ts";
import { isJsonObject, type JsonObject, textOf } from "../../json.ts";
import { Refusal } from "../swarm/plan.ts";
import type { DeployContext } from "../target.ts";
import { callPortainer, type PortainerAccess } from "./api.ts";

export interface StackPlan {
  access: PortainerAccess;
  endpoint: number;
  /** Its name, or its number. */
  stack: string;
  /** Which of its environment variables has the tag. */
  variable: string;
  timeoutMs: number;
}

/** What Portainer tells of a stack, as far as somebody here reads it. */
export interface Stack {
  Id: number;
  Name: string;
  /** 1 in a swarm, 2 by compose. */
  Type: number;
  EndpointId: number;
  Env: readonly Variable[] | null;
  /** 1 active, 2 stopped; later releases: 3 being deployed, 4 failed. */
  Status?: number;
  /** Of later releases; the last one counts. */
  DeploymentStatus?: readonly { Status?: number; Message?: string }[] | null;
  Option?: { Prune?: boolean } | null;
  GitConfig?: GitConfig | null;
}

interface Variable {
  name: string;
  value: string;
}

interface GitConfig {
  ReferenceName?: string;
  Authentication?: { Username?: string; GitCredentialID?: number } | null;
}

/** A stack by number, or by name in its environment. */
export async function findStack(plan: StackPlan, signal: AbortSignal): Promise<Stack> {
  if (/^\d+$/.test(plan.stack)) return readStack(plan, Number(plan.stack), signal);
  const listed = await callPortainer(plan.access, {
    method: "GET",
    path: "stacks",
    what: "list stacks",
    signal,
  });
  const stacks = (Array.isArray(listed) ? listed : []).filter(isStack);
  const found = stacks.find(({ Name, EndpointId }) => Name === plan.stack && EndpointId === plan.endpoint);
  if (found !== undefined) return found;
  const { origin } = plan.access.base;
  throw new Refusal(`Portainer at ${origin} has no stack ${plan.stack} in its environment ${plan.endpoint}`);
}

export async function readStack({ access }: StackPlan, id: number, signal: AbortSignal): Promise<Stack> {
  const what = `describe the stack ${id}`;
  const stack = await callPortainer(access, { method: "GET", path: `stacks/${id}`, what, signal });
  if (isStack(stack)) return stack;
  throw new Refusal(`what Portainer at ${access.base.origin} tells of the stack ${id} is not a stack`);
}

function isStack(value: unknown): value is Stack & JsonObject {
  return isJsonObject(value) && typeof value["Id"] === "number" && typeof value["Name"] === "string";
}

export function variableOf({ Name, Env }: Stack, variable: string): string {
  const found = Env?.find(({ name }) => name === variable);
  if (found !== undefined) return found.value;
  throw new Refusal(
    `the stack ${Name} has no environment variable ${variable}: add it there, with the tag that it has now`,
  );
}

export function withValue({ Env }: Stack, variable: string, value: string): Variable[] {
  return (Env ?? []).map((one) => (one.name === variable ? { ...one, value } : one));
}

/** What is left out of these is taken away: everything that the stack has is sent back. */
export async function updateOf(
  { access }: StackPlan,
  { Id, Name, EndpointId, Option, GitConfig: git }: Stack,
  Env: readonly Variable[],
  signal: AbortSignal,
) {
  const common = { Env, Prune: Option?.Prune ?? false, PullImage: true };
  const what = `update the stack ${Name}`;
  if (git) {
    const { Authentication: login } = git;
    const repository = {
      RepositoryReferenceName: git.ReferenceName ?? "",
      RepositoryAuthentication: Boolean(login),
      RepositoryUsername: login?.Username ?? "",
      // Portainer does not tell it, and keeps the one that it has when none is sent.
      RepositoryPassword: "",
      ...(login?.GitCredentialID && { RepositoryGitCredentialID: login.GitCredentialID }),
    };
    const path = `stacks/${Id}/git/redeploy?endpointId=${EndpointId}`;
    return { method: "PUT", path, body: { ...repository, ...common }, what } as const;
  }
  const asked = {
    method: "GET",
    path: `stacks/${Id}/file`,
    what: `show the file of the stack ${Name}`,
    signal,
  } as const;
  const file = await callPortainer(access, asked);
  const StackFileContent = isJsonObject(file) ? textOf(file["StackFileContent"]) : "";
  return {
    method: "PUT",
    path: `stacks/${Id}?endpointId=${EndpointId}`,
    body: { StackFileContent, ...common },
    what,
  } as const;
}

const deploying = 3;
const deploymentFailed = 4;
const pollMs = 500;

/** Later releases answer before they deploy, and tell how it went in the stack. */
export async function untilDeployed(
  plan: StackPlan,
  id: number,
  { log, signal }: Pick<DeployContext, "log" | "signal">,
): Promise<void> {
  for (;;) {
    const stack = await insist(() => readStack(plan, id, signal), { log, signal });
    const last = stack.DeploymentStatus?.at(-1);
    const status = last?.Status ?? stack.Status;
    if (status === deploymentFailed) {
      const said = (last?.Message ?? "").replace(/\s+/g, " ").slice(0, 500);
      const message = `Portainer could not deploy the stack ${stack.Name}${said === "" ? "" : ` (${said})`}`;
      throw new EngineError(message, { isTemporary: false, hasNoEffect: false });
    }
    if (status !== deploying) return;
    await sleep(pollMs, undefined, { signal }).catch(() => {});
  }
}
