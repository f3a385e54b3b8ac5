/**
 * The part of the loopback Portainer that works on a real Engine, as Portainer's own source does (Community Edition
 * 2.2x; repository portainer/portainer): so what a test does to "Portainer" happens to a real swarm.
 *
 *   /api/endpoints/{id}/docker/…                    api/http/handler/endpointproxy/proxy_docker.go,
 *                                                   api/http/proxy/factory/docker/transport.go, registry.go
 *   PUT /api/endpoints/{id}/forceupdateservice      api/http/handler/endpoints/endpoint_force_update_service.go
 *   POST /api/webhooks/{token}                      api/http/handler/webhooks/webhook_execute.go
 *   GET /api/stacks, /api/stacks/{id}, …/file       api/http/handler/stacks/stack_list.go, stack_inspect.go, stack_file.go
 *   PUT /api/stacks/{id}                            api/http/handler/stacks/stack_update.go
 *   PUT /api/stacks/{id}/git/redeploy               api/http/handler/stacks/stack_update_git_redeploy.go
 *   `docker stack deploy` with the stack's Env      api/exec/swarm_stack.go
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { dockerClients } from "./docker-client.ts";
import { passToEngine } from "./engine-gateway.ts";
import type { EngineNode } from "./engine-nodes.ts";
import { type Answer, failure } from "./portainer-answer.ts";

export interface ManagedStack {
  Id: number;
  Name: string;
  /** 1 in a swarm, 2 by compose. */
  Type: 1 | 2;
  EndpointId: number;
  Env: { name: string; value: string }[] | null;
  Option?: { Prune: boolean } | null;
  GitConfig?: { URL: string; ReferenceName: string; Authentication?: object | null } | null;
  Status: number;
  DeploymentStatus?: { Status: number; Message?: string }[];
  /** What Portainer has on its disk, and of a git stack what the repository has. */
  file: string;
  /** Later releases answer first, and deploy then. */
  isAsynchronous?: boolean;
  /** How often it was deployed. */
  deployments: number;
}

export interface Managed {
  engine: Pick<EngineNode, "host">;
  /** The environment's number. */
  endpoint: number;
  /** The ids or names of the services that have a webhook, by its token. */
  webhooks: Map<string, string>;
  stacks: Map<number, ManagedStack>;
  /** Portainer's registries, by number. */
  registries: Map<number, { username: string; password: string; serveraddress: string }>;
}

/** proxyRequestsToDockerAPI. `rest` is what comes after `/docker`. */
export function proxyToDocker(
  managed: Managed,
  rest: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  // proxyServiceRequest → decorateRegistryAuthenticationHeader, for /services/{id}/{action} alone.
  const path = rest.replace(/^\/v\d+\.\d+/, "").split("?")[0] ?? "";
  if (/^\/services\/[^/]+\/[^/]+$/.test(path)) replaceRegistry(managed, request);
  delete request.headers["x-api-key"];
  passToEngine(managed.engine, request, response, rest);
}

function replaceRegistry({ registries }: Managed, { headers }: IncomingMessage): void {
  const given = headers["x-registry-auth"];
  if (typeof given !== "string") return;
  let data: { registryId?: number };
  try {
    data = JSON.parse(Buffer.from(given, "base64").toString("utf8"));
  } catch {
    // The error is not looked at, and the header stays.
    return;
  }
  if (data.registryId === undefined) return;
  const found = registries.get(data.registryId) ?? { username: "", password: "", serveraddress: "" };
  // base64.URLEncoding, which pads.
  const base64 = Buffer.from(JSON.stringify(found)).toString("base64");
  headers["x-registry-auth"] = base64.replaceAll("+", "-").replaceAll("/", "_");
}

interface RawService {
  ID: string;
  Version: { Index: number };
  Spec: { TaskTemplate: { ForceUpdate?: number; ContainerSpec: { Image: string }; Placement?: object } };
}

/** webhookExecute → executeServiceWebhook. */
export async function executeRealWebhook({ engine }: Managed, id: string, tag: string): Promise<Answer> {
  const found = await callEngine(engine, "GET", `/services/${id}?insertDefaults=true`);
  if (found.status !== 200) return failure(500, "Error looking up service", messageOf(found));
  const service = found.body as RawService;
  const name = withoutDigest(service);
  const colon = name.lastIndexOf(":");
  const image = tag === "" ? name : `${colon < 0 ? name : name.slice(0, colon)}:${tag}`;
  if (tag !== "") {
    const query = new URLSearchParams({ fromImage: image.slice(0, image.lastIndexOf(":")), tag });
    const pulled = await callEngine(engine, "POST", `/images/create?${query}`);
    if (pulled.status !== 200)
      return failure(404, "Error pulling image with the specified tag", messageOf(pulled));
  }
  const updated = await updateService(engine, service, image);
  if (updated.status !== 200) return failure(500, "Error updating service", messageOf(updated));
  return { status: 204 };
}

/** endpointForceUpdateService. */
export async function forceUpdateService(
  { engine }: Managed,
  { ServiceID = "", PullImage = false }: { ServiceID?: string; PullImage?: boolean },
): Promise<Answer> {
  const found = await callEngine(engine, "GET", `/services/${ServiceID}?insertDefaults=true`);
  if (found.status !== 200) return failure(500, "Error looking up service", messageOf(found));
  const service = found.body as RawService;
  const image = PullImage ? withoutDigest(service) : service.Spec.TaskTemplate.ContainerSpec.Image;
  const updated = await updateService(engine, service, image);
  if (updated.status !== 200) return failure(500, "Error force update service", messageOf(updated));
  return { status: 200, body: updated.body as object };
}

function withoutDigest({ Spec }: RawService): string {
  return Spec.TaskTemplate.ContainerSpec.Image.split("@sha")[0] ?? "";
}

/** ServiceUpdate of Docker's client with QueryRegistry: a digest that cannot be had is left out. */
async function updateService(engine: Managed["engine"], { ID, Version, Spec }: RawService, image: string) {
  const asked = image.includes("@")
    ? undefined
    : await callEngine(engine, "GET", `/distribution/${image}/json`);
  const digest = (asked?.body as { Descriptor?: { digest?: string } } | undefined)?.Descriptor?.digest;
  const { TaskTemplate: task } = Spec;
  const ContainerSpec = { ...task.ContainerSpec, Image: digest === undefined ? image : `${image}@${digest}` };
  const TaskTemplate = { ...task, ForceUpdate: (task.ForceUpdate ?? 0) + 1, ContainerSpec };
  return callEngine(engine, "POST", `/services/${ID}/update?version=${Version.Index}`, {
    ...Spec,
    TaskTemplate,
  });
}

/** What the routes under /api/stacks answer, webhooks apart. */
export async function answerStacks(
  managed: Managed,
  method: string,
  path: string,
  query: URLSearchParams,
  body: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  if (path === "" && method === "GET") return { status: 200, body: [...managed.stacks.values()].map(shown) };
  const [, id = "", action = ""] = /^\/(\d+)(\/file|\/git\/redeploy)?$/.exec(path) ?? [];
  if (id === "") return failure(400, "Invalid stack identifier route variable", "Invalid request URL");
  const stack = managed.stacks.get(Number(id));
  if (stack === undefined) {
    const message = "Unable to find a stack with the specified identifier inside the database";
    return failure(404, message, "Object not found inside the database");
  }
  if (method === "GET" && action === "/file") return { status: 200, body: { StackFileContent: stack.file } };
  if (method === "GET") return { status: 200, body: shown(stack) };
  if (action === "/git/redeploy") return redeployFromGit(managed, stack, query, body);
  return updateStack(managed, stack, query, body);
}

/** `portainer.Stack` as its JSON has it; the git password is taken out of it. */
function shown({ file: _file, isAsynchronous: _late, deployments: _count, ...stack }: ManagedStack): object {
  return stack;
}

/** stackUpdate → updateSwarmStack, updateComposeStack: what the payload leaves out is empty. */
async function updateStack(
  managed: Managed,
  stack: ManagedStack,
  query: URLSearchParams,
  body: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  // RetrieveNumericQueryParameter with optional false.
  if (!query.has("endpointId"))
    return failure(400, "Invalid query parameter: endpointId", "Missing query parameter");
  const { StackFileContent: file, PullImage = false, Prune = false } = body;
  if (typeof file !== "string" || file === "")
    return failure(400, "Invalid request payload", "Invalid stack file content");
  const next = { ...stack, Env: envOf(body), GitConfig: null, file };
  return deployStack(managed, stack, next, Boolean(Prune), Boolean(PullImage));
}

/** stackGitRedeploy → deployStack. */
async function redeployFromGit(
  managed: Managed,
  stack: ManagedStack,
  query: URLSearchParams,
  body: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  if (!stack.GitConfig) return failure(400, "Stack is not created from git", "Stack is not created from git");
  if (!query.has("endpointId"))
    return failure(400, "Invalid query parameter: endpointId", "Missing query parameter");
  const { RepositoryReferenceName: reference = "", PullImage = false, Prune = false } = body;
  const GitConfig = { ...stack.GitConfig, ReferenceName: String(reference) };
  const Option = stack.Type === 1 ? { Prune: Boolean(Prune) } : (stack.Option ?? null);
  const next = { ...stack, Env: envOf(body), GitConfig, Option };
  return deployStack(managed, stack, next, Boolean(Prune), Boolean(PullImage));
}

function envOf({ Env }: Readonly<Record<string, unknown>>): ManagedStack["Env"] {
  return Array.isArray(Env) ? (Env as ManagedStack["Env"]) : null;
}

async function deployStack(
  managed: Managed,
  stack: ManagedStack,
  next: ManagedStack,
  prune: boolean,
  pullImage: boolean,
): Promise<Answer> {
  // StackStatusDeploying, in releases that answer first.
  if (stack.Status === 3)
    return failure(409, "Unable to update stack", "Stack deployment is already in progress");
  if (stack.isAsynchronous) {
    // StackStatusDeploying, then StackStatusActive or StackStatusError, as the last of DeploymentStatus.
    Object.assign(stack, next, { Status: 3, DeploymentStatus: [{ Status: 3 }] });
    void runDeployment(managed, next, prune, pullImage).then((problem) => {
      const Status = problem === undefined ? 1 : 4;
      const entry = { Status, ...(problem !== undefined && { Message: problem }) };
      Object.assign(stack, { Status, DeploymentStatus: [{ Status: 3 }, entry] });
      stack.deployments += 1;
    });
    return { status: 200, body: shown(stack) };
  }
  const problem = await runDeployment(managed, next, prune, pullImage);
  // HTTPError with the client's own words, twice; nothing of the payload is kept.
  if (problem !== undefined) return failure(500, problem, problem);
  Object.assign(stack, next, { Status: 1 });
  stack.deployments += 1;
  return { status: 200, body: shown(stack) };
}

const execute = promisify(execFile);

/** SwarmStackManager.Deploy; compose is a library in Portainer, and nothing here. */
async function runDeployment(
  { engine }: Managed,
  { Name, Type, Env, file }: ManagedStack,
  prune: boolean,
  pullImage: boolean,
): Promise<string | undefined> {
  if (Type !== 1) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "statigo-stack-"));
  const path = join(folder, "docker-compose.yml");
  writeFileSync(path, file);
  const options = [
    ...(prune ? ["--prune"] : []),
    "--with-registry-auth",
    ...(pullImage ? [] : ["--resolve-image=never"]),
  ];
  const args = ["-H", engine.host, "stack", "deploy", ...options, "--compose-file", path, Name];
  const variables = Object.fromEntries((Env ?? []).map(({ name, value }) => [name, value]));
  try {
    await execute(dockerClients()[0] ?? "docker", args, {
      env: { ...process.env, ...variables },
      cwd: folder,
    });
    return undefined;
  } catch (error) {
    return (error as { stderr?: string }).stderr ?? (error as Error).message;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface EngineSaid {
  status: number;
  body: unknown;
}

function messageOf({ body }: EngineSaid): string {
  return `Error response from daemon: ${(body as { message?: string } | undefined)?.message ?? ""}`;
}

function callEngine(
  { host }: Managed["engine"],
  method: string,
  path: string,
  body?: object,
): Promise<EngineSaid> {
  const options = {
    socketPath: host.slice("unix://".length),
    path: `/v1.41${path}`,
    method,
    agent: false,
  } as const;
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const call = httpRequest({ ...options, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      answer.on("error", reject).on("end", () => {
        // A pull's progress comes line by line; nobody here reads it.
        const isJson = !path.startsWith("/images/create") || answer.statusCode !== 200;
        resolve({
          status: answer.statusCode ?? 0,
          body: isJson && text !== "" ? JSON.parse(text) : undefined,
        });
      });
    });
    call.on("error", reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
