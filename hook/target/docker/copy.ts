import { isDeepStrictEqual } from "node:util";
import {
  type Container,
  type ContainerConfig,
  type Endpoint,
  type HostConfig,
  nameOf,
} from "../../engine-api/containers.ts";
import { type JsonObject, textOf } from "../../json.ts";
import { roleIn, withoutOwnLabels } from "./slot.ts";

/** Whether a new container gets the old one's anonymous volumes, or new ones with what its image has there. */
export type AnonymousVolumes = "keep" | "renew";

type MutableConfig = { -readonly [Key in keyof ContainerConfig]: ContainerConfig[Key] };

/**
 * A container's config without what its image gave it, so that the next image can give its own. An Engine mixes the
 * two when it creates a container: what is the same as the image's is taken for the image's.
 */
export function ownConfig({ Id, Config, HostConfig }: Container, image: ContainerConfig): ContainerConfig {
  const config: MutableConfig = { ...Config };
  for (const name of ["WorkingDir", "User", "StopSignal", "Healthcheck", "OnBuild", "Shell"]) {
    if (isDeepStrictEqual(config[name], image[name])) delete config[name];
  }
  // An entry point of its own makes an Engine forget the image's arguments: then the arguments are its own as well.
  if (isSameList(config.Entrypoint, image.Entrypoint)) {
    delete config.Entrypoint;
    if (isSameList(config.Cmd, image.Cmd)) delete config.Cmd;
  }
  config.Env = (config.Env ?? []).filter((entry) => !image.Env?.includes(entry) && !isFromPodman(entry));
  config.Labels = withoutOwnLabels(without(config.Labels, image.Labels));
  config.ExposedPorts = without(config.ExposedPorts, image.ExposedPorts);
  delete config.Volumes;
  delete config["ArgsEscaped"];
  delete config["Image"];
  // Made from its id, or somebody else's name in a shared namespace.
  if (Config.Hostname === Id.slice(0, 12) || hasForeignNetwork(HostConfig)) {
    delete config.Hostname;
    delete config["Domainname"];
  }
  if (config.MacAddress === "") delete config.MacAddress;
  return config;
}

/** Podman tells these as if they had been asked for. */
function isFromPodman(entry: string): boolean {
  return entry === "container=podman" || entry.startsWith("HOSTNAME=");
}

function isSameList(
  a: readonly string[] | null | undefined,
  b: readonly string[] | null | undefined,
): boolean {
  return isDeepStrictEqual(a ?? [], b ?? []);
}

function without<Value>(
  all: Readonly<Record<string, Value>> | null | undefined,
  images: JsonObject | null | undefined,
): Record<string, Value> {
  const own = Object.entries(all ?? {}).filter(([name, value]) => !isDeepStrictEqual(images?.[name], value));
  return Object.fromEntries(own);
}

function hasForeignNetwork({ NetworkMode = "" }: HostConfig): boolean {
  return NetworkMode === "host" || NetworkMode.startsWith("container:");
}

/** Limits, ports, devices, mounts and the like as they are, and the anonymous volumes by their names. */
export function ownHostConfig(container: Container, volumes: AnonymousVolumes): HostConfig {
  const { HostConfig: given } = container;
  const links = given.Links?.map(formatLink);
  const ulimits = (given["Ulimits"] as { Name: string }[] | null | undefined)?.map(formatUlimit);
  const host: HostConfig = { ...given, ...(links && { Links: links }), ...(ulimits && { Ulimits: ulimits }) };
  const kept = withoutKeys(ownCpus(host), ["ContainerIDFile"]);
  if (volumes === "renew") return kept;
  const anonymous = anonymousVolumesOf(container);
  const inBinds = anonymous.filter(({ path }) => !mountTargets(given).has(path));
  return {
    ...kept,
    Binds: [
      ...(given.Binds ?? []),
      ...inBinds.map(({ name, path, isWritable }) => `${name}:${path}${isWritable ? "" : ":ro"}`),
    ],
    // `--mount type=volume` without a source: the entry stays, and gets the volume's name.
    ...(given.Mounts && { Mounts: given.Mounts.map((mount) => withSource(mount, anonymous)) }),
  };
}

/** Podman tells of `--cpus` in two ways, of which an Engine takes one. */
function ownCpus(host: HostConfig): HostConfig {
  return host["NanoCpus"] ? withoutKeys(host, ["CpuPeriod", "CpuQuota"]) : host;
}

function withoutKeys(host: HostConfig, keys: readonly string[]): HostConfig {
  return Object.fromEntries(Object.entries(host).filter(([key]) => !keys.includes(key)));
}

/** Podman tells of `RLIMIT_NOFILE` what it takes as `nofile`. */
function formatUlimit<Limit extends { Name: string }>(limit: Limit): Limit {
  return { ...limit, Name: limit.Name.replace(/^RLIMIT_/, "").toLowerCase() };
}

/** `/db:/blog/database` is how an Engine tells of the link `db:database`. */
function formatLink(link: string): string {
  const [from = "", to = ""] = link.split(":");
  return `${from.replace(/^\//, "")}:${to.split("/").at(-1)}`;
}

export interface AnonymousVolume {
  name: string;
  path: string;
  isWritable: boolean;
}

/** Those that nobody gave a name: of the image's VOLUME, of `-v /path`, of a mount without a source. */
export function anonymousVolumesOf({ Mounts, HostConfig }: Container): AnonymousVolume[] {
  const named = new Set([
    ...(HostConfig.Binds ?? []).map((bind) => bind.split(":")[1] ?? ""),
    ...(HostConfig.Mounts ?? []).filter(({ Source }) => Source).map(({ Target }) => textOf(Target)),
  ]);
  return Mounts.filter(({ Type, Destination }) => Type === "volume" && !named.has(Destination)).map(
    ({ Name = "", Destination, RW = true }) => ({ name: Name, path: Destination, isWritable: RW }),
  );
}

function mountTargets({ Mounts }: HostConfig): Set<string> {
  return new Set((Mounts ?? []).map(({ Target }) => textOf(Target)));
}

function withSource(mount: JsonObject, volumes: readonly AnonymousVolume[]): JsonObject {
  const volume = volumes.find(({ path }) => path === mount["Target"]);
  return volume === undefined ? mount : { ...mount, Source: volume.name };
}

/** Others than these find a container by names; in these, aliases are an error. */
export function hasNames(network: string): boolean {
  return !["bridge", "podman", "host", "none"].includes(network);
}

export type Endpoints = Readonly<Record<string, Endpoint>>;

/**
 * How a container is in its networks, without what they gave it at run time. The slot's name becomes an alias: the next
 * container is to be found by it before it has the name.
 */
export function endpointsOf(container: Container, slot: string): Endpoints {
  if (hasForeignNetwork(container.HostConfig)) return {};
  const networks = Object.entries(container.NetworkSettings.Networks ?? {});
  return Object.fromEntries(
    networks.map(([network, one]) => [network, ownEndpoint(network, one, container, slot)]),
  );
}

function ownEndpoint(network: string, given: Endpoint, { Id, Name }: Container, slot: string): Endpoint {
  const { IPAMConfig, Links, DriverOpts } = given;
  const own = {
    ...(hasStaticAddress(given) && { IPAMConfig: IPAMConfig ?? null }),
    ...(Links && Links.length > 0 && { Links: Links.map(formatLink) }),
    ...(DriverOpts && { DriverOpts }),
  };
  if (!hasNames(network)) return own;
  const current = nameOf({ Name } as Container);
  const isOwn = (alias: string) =>
    alias !== Id.slice(0, 12) &&
    alias !== current &&
    roleIn(slot, alias) !== "next" &&
    roleIn(slot, alias) !== "old";
  return { ...own, Aliases: [...new Set([...(given.Aliases ?? []).filter(isOwn), slot])] };
}

function hasStaticAddress({ IPAMConfig }: Endpoint): boolean {
  return Boolean(IPAMConfig?.["IPv4Address"] || IPAMConfig?.["IPv6Address"]);
}

/** In the networks, but found by no name that somebody asks for. */
export function withoutNames(endpoints: Endpoints): Endpoints {
  const quiet = Object.entries(endpoints).map(([network, { Aliases: _, ...endpoint }]) => [
    network,
    endpoint,
  ]);
  return Object.fromEntries(quiet);
}

/** Why two of a container cannot run at the same time, or `undefined` when they can. */
export function findConflict({ Config, HostConfig, NetworkSettings }: Container): string | undefined {
  const { NetworkMode = "", PortBindings, Links } = HostConfig;
  const bindings = Object.entries(PortBindings ?? {});
  for (const [port, places] of bindings) {
    const place = places?.find(({ HostPort = "" }) => HostPort !== "" && HostPort !== "0");
    if (place !== undefined) return `it publishes ${port} on the host's port ${place.HostPort}`;
  }
  if (NetworkMode === "host") return "it is in the host's network";
  if (NetworkMode.startsWith("container:")) return "it is in another container's network";
  const [fixed] =
    Object.entries(NetworkSettings.Networks ?? {}).find(([, one]) => hasStaticAddress(one)) ?? [];
  if (fixed !== undefined) return `it has a fixed address in the network ${fixed}`;
  if (Config.MacAddress) return "it has a fixed MAC address";
  return Links && Links.length > 0 ? "it has links" : undefined;
}
