import type { JsonObject } from "../json.ts";
import type { Engine } from "./engine.ts";

/** What an Engine tells of a container, as far as somebody here reads it; the rest is kept as it came. */
export interface Container {
  Id: string;
  /** With a slash before it. */
  Name: string;
  /** The image's id, `sha256:…`. */
  Image: string;
  RestartCount: number;
  State: ContainerState;
  Config: ContainerConfig;
  HostConfig: HostConfig;
  Mounts: readonly Mount[];
  NetworkSettings: { Networks: Readonly<Record<string, Endpoint>> | null };
}

export interface ContainerState {
  Status: string;
  Running: boolean;
  Restarting: boolean;
  ExitCode: number;
  Error: string;
  StartedAt: string;
  FinishedAt: string;
  /** `Healthcheck` in podman before 4.4. */
  Health?: Health | null;
  Healthcheck?: Health | null;
}

export interface Health {
  /** "none", "starting", "healthy" or "unhealthy"; podman has an empty text for "none". */
  Status: string;
  Log?: readonly { ExitCode: number; Output: string }[] | null;
}

/** The last words of a health check: one that was cut off with its container has none. */
export function healthWords({ Log }: Health): string {
  const outputs = (Log ?? []).map(({ Output }) => Output.replace(/\s+/g, " ").trim());
  return (outputs.findLast((output) => output !== "") ?? "").slice(0, 300);
}

/** Of an image or of a container: a container's has the image's and its own, mixed. */
export interface ContainerConfig extends JsonObject {
  Image?: string;
  Hostname?: string;
  MacAddress?: string;
  Env?: readonly string[] | null;
  Cmd?: readonly string[] | null;
  Entrypoint?: readonly string[] | null;
  Labels?: Readonly<Record<string, string>> | null;
  ExposedPorts?: JsonObject | null;
  Volumes?: JsonObject | null;
}

export interface HostConfig extends JsonObject {
  NetworkMode?: string;
  AutoRemove?: boolean;
  PublishAllPorts?: boolean;
  PortBindings?: Readonly<Record<string, readonly { HostIp?: string; HostPort?: string }[] | null>> | null;
  RestartPolicy?: { Name?: string; MaximumRetryCount?: number } | null;
  Binds?: readonly string[] | null;
  Mounts?: readonly JsonObject[] | null;
  Tmpfs?: JsonObject | null;
  Links?: readonly string[] | null;
}

export interface Mount {
  Type: string;
  Name?: string;
  Destination: string;
  RW?: boolean;
}

export interface Endpoint extends JsonObject {
  IPAMConfig?: JsonObject | null;
  Links?: readonly string[] | null;
  Aliases?: readonly string[] | null;
  DriverOpts?: JsonObject | null;
  NetworkID?: string;
  IPAddress?: string;
  MacAddress?: string;
}

/** An entry of the list of containers. */
export interface ListedContainer {
  Id: string;
  Names: readonly string[] | null;
  Image: string;
  ImageID: string;
  State: string;
  Labels: Readonly<Record<string, string>> | null;
  HostConfig?: { NetworkMode?: string };
}

export type Signalled = { signal: AbortSignal };

export function nameOf({ Name }: Container): string {
  return Name.replace(/^\//, "");
}

function pathOf(id: string, rest = ""): string {
  return `/containers/${encodeURIComponent(id)}${rest}`;
}

/** All of them, stopped ones too, or those that have all of these labels (`key` or `key=value`). */
export async function listContainers(
  engine: Engine,
  { labels = [], signal }: Signalled & { labels?: readonly string[] },
): Promise<ListedContainer[]> {
  const query = { all: true, ...(labels.length > 0 && { filters: { label: labels } }) };
  const { body } = await engine.call({
    method: "GET",
    path: "/containers/json",
    query,
    what: "list containers",
    signal,
  });
  return body as ListedContainer[];
}

/** By name or id; `undefined` when there is none. */
export async function findContainer(
  engine: Engine,
  id: string,
  { signal }: Signalled,
): Promise<Container | undefined> {
  const what = `describe the container ${id}`;
  const call = { method: "GET", path: pathOf(id, "/json"), what, alsoGood: [404], signal } as const;
  return (await engine.call(call)).body as Container | undefined;
}

export interface NewContainer extends Signalled {
  name: string;
  config: ContainerConfig;
  hostConfig: HostConfig;
  /** Only one before API 1.44; the others are connected after it. */
  endpoints: Readonly<Record<string, Endpoint>>;
}

export async function createContainer(
  engine: Engine,
  { name, config, hostConfig, endpoints, signal }: NewContainer,
): Promise<string> {
  const { body } = await engine.call({
    method: "POST",
    path: "/containers/create",
    query: { name },
    body: { ...config, HostConfig: hostConfig, NetworkingConfig: { EndpointsConfig: endpoints } },
    what: `create the container ${name}`,
    signal,
  });
  return (body as { Id: string }).Id;
}

export async function startContainer(engine: Engine, id: string, { signal }: Signalled): Promise<void> {
  const what = `start the container ${id}`;
  await engine.call({ method: "POST", path: pathOf(id, "/start"), what, alsoGood: [304], signal });
}

/** Its stop signal first, and SIGKILL after the time that it has been given, or after its own. */
export async function stopContainer(
  engine: Engine,
  id: string,
  { timeoutMs, signal }: Signalled & { timeoutMs?: number | undefined },
): Promise<void> {
  const query = { t: timeoutMs === undefined ? undefined : Math.ceil(timeoutMs / 1000) };
  const what = `stop the container ${id}`;
  await engine.call({ method: "POST", path: pathOf(id, "/stop"), query, what, alsoGood: [304], signal });
}

export async function renameContainer(
  engine: Engine,
  id: string,
  { name, signal }: Signalled & { name: string },
): Promise<void> {
  const what = `rename the container ${id} to ${name}`;
  await engine.call({ method: "POST", path: pathOf(id, "/rename"), query: { name }, what, signal });
}

/** A running one as well; no error when it is gone already. Anonymous volumes stay unless told. */
export async function removeContainer(
  engine: Engine,
  id: string,
  { withVolumes = false, signal }: Signalled & { withVolumes?: boolean },
): Promise<void> {
  const query = { force: true, v: withVolumes };
  const what = `remove the container ${id}`;
  await engine.call({ method: "DELETE", path: pathOf(id), query, what, alsoGood: [404], signal });
}

export async function setRestartPolicy(
  engine: Engine,
  id: string,
  { policy, signal }: Signalled & { policy: NonNullable<HostConfig["RestartPolicy"]> },
): Promise<void> {
  const body = { RestartPolicy: policy };
  const what = `change the restart policy of the container ${id}`;
  await engine.call({ method: "POST", path: pathOf(id, "/update"), body, what, signal });
}

export async function connectNetwork(
  engine: Engine,
  network: string,
  { container, endpoint, signal }: Signalled & { container: string; endpoint: Endpoint },
): Promise<void> {
  const path = `/networks/${encodeURIComponent(network)}/connect`;
  const body = { Container: container, EndpointConfig: endpoint };
  await engine.call({ method: "POST", path, body, what: `connect to the network ${network}`, signal });
}

export async function disconnectNetwork(
  engine: Engine,
  network: string,
  { container, signal }: Signalled & { container: string },
): Promise<void> {
  const path = `/networks/${encodeURIComponent(network)}/disconnect`;
  const body = { Container: container, Force: false };
  await engine.call({ method: "POST", path, body, what: `disconnect from the network ${network}`, signal });
}

/** The end of what it wrote, for a person who wants to know why it ended. */
export async function readLastWords(engine: Engine, id: string, { signal }: Signalled): Promise<string[]> {
  const query = { stdout: true, stderr: true, tail: 10 };
  const what = `show the log of the container ${id}`;
  const bytes = await engine.read({ method: "GET", path: pathOf(id, "/logs"), query, what, signal });
  return textOfLog(bytes)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "");
}

/** Without a terminal, what is written comes in frames: one byte for which stream, three zeros, four for the length. */
export function textOfLog(bytes: Buffer): string {
  const isFramed = bytes.length >= 8 && (bytes[0] ?? 9) <= 2 && bytes.readUIntBE(1, 3) === 0;
  if (!isFramed) return bytes.toString("utf8");
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const lengthBytes = bytes.readUInt32BE(at + 4);
    parts.push(bytes.subarray(at + 8, at + 8 + lengthBytes));
    at += 8 + lengthBytes;
  }
  return Buffer.concat(parts).toString("utf8");
}
