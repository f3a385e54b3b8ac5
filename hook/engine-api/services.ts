import { isJsonObject, type JsonObject } from "../json.ts";
import { type Signalled, textOfLog } from "./containers.ts";
import type { Engine } from "./engine.ts";

/** What an Engine in swarm mode tells of a service, as far as somebody here reads it; the rest is kept as it came. */
export interface SwarmService {
  ID: string;
  /** Has to be sent back with a change, so that nobody's change is overwritten unseen. */
  Version: { Index: number };
  Spec: ServiceSpec;
  /** Before the last change; gone after the swarm has rolled back by itself. */
  PreviousSpec?: ServiceSpec | null;
  /** Of the last change; nothing in the first moments after it. */
  UpdateStatus?: UpdateStatus | null;
}

export interface ServiceSpec extends JsonObject {
  Name: string;
  Labels?: Readonly<Record<string, string>> | null;
  TaskTemplate: TaskTemplate;
  Mode?: ServiceMode | null;
  UpdateConfig?: RolloutConfig | null;
  RollbackConfig?: RolloutConfig | null;
  EndpointSpec?: { Ports?: readonly PublishedPort[] | null } | null;
}

export interface TaskTemplate extends JsonObject {
  /** None for a plugin's service. */
  ContainerSpec?: TaskContainerSpec | null;
  Placement?: (JsonObject & { MaxReplicas?: number; Platforms?: readonly JsonObject[] | null }) | null;
  ForceUpdate?: number;
}

export interface TaskContainerSpec extends JsonObject {
  Image: string;
  /** The service's own instead of its image's. */
  Healthcheck?: { StartPeriod?: number; Interval?: number } | null;
}

export interface ServiceMode {
  Replicated?: { Replicas?: number } | null;
  Global?: object | null;
  ReplicatedJob?: object | null;
  GlobalJob?: object | null;
}

/** Times are nanoseconds. */
export interface RolloutConfig extends JsonObject {
  Parallelism?: number;
  FailureAction?: string;
  Monitor?: number;
  Delay?: number;
  Order?: string;
}

export interface PublishedPort {
  TargetPort?: number;
  PublishedPort?: number;
  PublishMode?: string;
}

export interface UpdateStatus {
  State?: string;
  Message?: string;
}

export interface Task {
  ID: string;
  Slot?: number;
  NodeID?: string;
  DesiredState: string;
  Spec: TaskTemplate;
  Status: TaskStatus;
}

export interface TaskStatus {
  State: string;
  Err?: string;
  Timestamp?: string;
  ContainerStatus?: { ContainerID?: string } | null;
}

export interface SwarmNode {
  ID: string;
  Spec?: { Availability?: string };
  Description?: { Hostname?: string };
  Status?: { State?: string };
}

/** Whether an Engine can be asked about services: only a manager can. */
export async function readSwarmRole(
  engine: Engine,
  { signal }: Signalled,
): Promise<"manager" | "worker" | "none"> {
  const { body } = await engine.call({ method: "GET", path: "/info", what: "describe itself", signal });
  const swarm = isJsonObject(body) && isJsonObject(body["Swarm"]) ? body["Swarm"] : {};
  if (swarm["ControlAvailable"] === true) return "manager";
  return swarm["LocalNodeState"] === "active" ? "worker" : "none";
}

/** All of them, or those that have a label (`key` or `key=value`). */
export async function listServices(
  engine: Engine,
  { label, signal }: Signalled & { label?: string },
): Promise<SwarmService[]> {
  const query = label === undefined ? {} : { filters: { label: [label] } };
  const call = { method: "GET", path: "/services", query, what: "list services", signal } as const;
  return (await engine.call(call)).body as SwarmService[];
}

/** By name or id; `undefined` when there is none. */
export async function findService(
  engine: Engine,
  id: string,
  { signal }: Signalled,
): Promise<SwarmService | undefined> {
  const path = `/services/${encodeURIComponent(id)}`;
  const what = `describe the service ${id}`;
  return (await engine.call({ method: "GET", path, what, alsoGood: [404], signal })).body as
    | SwarmService
    | undefined;
}

export interface ServiceChange extends Signalled {
  /** The whole of it: what is left out is taken away. */
  spec: ServiceSpec;
  /** With the login that the nodes pull with; without one, the service keeps the one that it has. */
  headers: Readonly<Record<string, string>>;
}

/** Fails when the service has been changed since it was read: `isOutOfSequence` tells. */
export async function updateService(
  engine: Engine,
  { ID, Version, Spec }: SwarmService,
  { spec, headers, signal }: ServiceChange,
): Promise<void> {
  const path = `/services/${encodeURIComponent(ID)}/update`;
  const query = { version: Version.Index };
  const what = `update the service ${Spec.Name}`;
  await engine.call({ method: "POST", path, query, headers, body: spec, what, signal });
}

/** Of one service, ended ones too: a swarm keeps the last five of each slot. */
export async function listTasks(
  engine: Engine,
  { service, signal }: Signalled & { service: string },
): Promise<Task[]> {
  const query = { filters: { service: [service] } };
  const call = { method: "GET", path: "/tasks", query, what: "list tasks", signal } as const;
  return (await engine.call(call)).body as Task[];
}

/** The end of what a task's container wrote. */
export async function readTaskWords(engine: Engine, id: string, { signal }: Signalled): Promise<string[]> {
  const path = `/tasks/${encodeURIComponent(id)}/logs`;
  const query = { stdout: true, stderr: true, tail: 10 };
  const what = `show the log of the task ${id}`;
  const text = textOfLog(await engine.read({ method: "GET", path, query, what, signal }));
  return text.split(/\r?\n/).filter((line) => line.trim() !== "");
}

export async function listNodes(engine: Engine, { signal }: Signalled): Promise<SwarmNode[]> {
  return (await engine.call({ method: "GET", path: "/nodes", what: "list nodes", signal }))
    .body as SwarmNode[];
}

/** What a registry has under a reference. */
export interface Distribution {
  digest: string | undefined;
  /** What it can run on, for the swarm to choose nodes by. */
  platforms: readonly JsonObject[];
}

/** Has the Engine ask the registry. */
export async function askRegistry(
  engine: Engine,
  reference: string,
  { headers, signal }: Signalled & { headers: Readonly<Record<string, string>> },
): Promise<Distribution> {
  // The name's slashes are part of the route.
  const path = `/distribution/${reference.split("/").map(encodeURIComponent).join("/")}/json`;
  const what = `ask the registry for ${reference}`;
  const { body } = await engine.call({ method: "GET", path, headers, what, signal });
  const answer = isJsonObject(body) ? body : {};
  const digest = isJsonObject(answer["Descriptor"]) ? answer["Descriptor"]["digest"] : undefined;
  const platforms = Array.isArray(answer["Platforms"]) ? answer["Platforms"].filter(isJsonObject) : [];
  return { digest: typeof digest === "string" ? digest : undefined, platforms };
}
