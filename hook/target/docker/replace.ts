import { setTimeout as sleep } from "node:timers/promises";
import {
  type Container,
  type ContainerConfig,
  connectNetwork,
  createContainer,
  disconnectNetwork,
  findContainer,
  nameOf,
  renameContainer,
  startContainer,
  stopContainer,
} from "../../engine-api/containers.ts";
import { EngineError } from "../../engine-api/error.ts";
import type { Release } from "../target.ts";
import {
  type Endpoints,
  endpointsOf,
  findConflict,
  hasNames,
  ownConfig,
  ownHostConfig,
  withoutNames,
} from "./copy.ts";
import { noteFreedAddress, untilAddressesAreForgotten } from "./freed-address.ts";
import { waitUntilHealthy } from "./health.ts";
import { type Mended, mendSlot, type Workplace } from "./mend.ts";
import { labelsFor, newName } from "./slot.ts";

/** What is to follow a container in its slot. */
export type Successor =
  /** A new container from an image, with the config that the old one has of its own. */
  | {
      kind: "new";
      image: { id: string; reference: string };
      /** Of the old container's image: what of its config is not its own. */
      oldImage: ContainerConfig;
      service: string;
      release: Release;
      deployment: number;
    }
  /** One that was replaced earlier. */
  | { kind: "kept"; container: Container };

export type Replaced =
  | { kind: "replaced"; id: string }
  /** The old one serves, and another try may do better when the failure is one that passes. */
  | { kind: "unchanged"; reason: string; isTemporary: boolean }
  /** The old one was stopped, and serves again. */
  | { kind: "restored"; reason: string }
  /** What serves now is not known; the next replacement looks. */
  | { kind: "unknown"; reason: string };

/** How far it came, which is what the end depends on. */
interface Progress {
  isOldStopped: boolean;
  isNextGood: boolean | undefined;
}

/** Replaces the container that has the slot's name, or leaves it as it was. */
export async function replaceContainer(
  old: Container,
  successor: Successor,
  place: Workplace,
): Promise<Replaced> {
  const slot = nameOf(old);
  const progress: Progress = { isOldStopped: false, isNextGood: undefined };
  const failure = await attempt(old, successor, place, progress).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure !== undefined && !(failure instanceof EngineError || failure instanceof NotHealthy))
    throw failure;
  if (failure !== undefined) place.log(`${failure.message}`);
  const reason = failure?.message ?? "";
  const before = reason === "" ? "" : `${reason}; `;
  try {
    const mended = await mendSurely(
      slot,
      place,
      failure === undefined ? true : (progress.isNextGood ?? false),
    );
    if (mended.kind === "empty") return { kind: "unknown", reason: `${before}somebody has removed ${slot}` };
    if (mended.holder !== old.Id) return { kind: "replaced", id: mended.holder };
    const isTemporary = failure instanceof EngineError && failure.isTemporary;
    // What the Engine itself refuses, it may refuse again: each try would stop the old one.
    const isAnswered = failure instanceof EngineError && failure.status !== undefined;
    const isToBeLeft = progress.isOldStopped && (!isTemporary || isAnswered);
    return isToBeLeft ? { kind: "restored", reason } : { kind: "unchanged", reason, isTemporary };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { kind: "unknown", reason: `${before}the slot ${slot} could not be tidied up: ${error.message}` };
  }
}

class NotHealthy extends Error {}

async function attempt(
  old: Container,
  successor: Successor,
  place: Workplace,
  progress: Progress,
): Promise<void> {
  const conflict = findConflict(old);
  const isStopFirst =
    place.setting.order === "stop-first" || (place.setting.order === "auto" && conflict !== undefined);
  const slot = nameOf(old);
  const endpoints = endpointsOf(old, slot);
  const next = { slot, endpoints: isStopFirst ? endpoints : withoutNames(endpoints) };
  const id = await prepare(old, successor, next, place);
  if (isStopFirst) {
    place.log(`stopping ${slot} first${conflict === undefined ? "" : `: ${conflict}`}`);
    await stopOld(old, place, progress);
    await startHealthy(id, place, progress);
  } else {
    const hasName = Object.keys(endpoints).some(hasNames);
    if (hasName) await unlessStopped(untilAddressesAreForgotten(place));
    await startHealthy(id, place, undefined);
    // It gets another address with its names.
    if (hasName) await unlessStopped(untilAddressesAreForgotten(place));
    await giveNames(id, endpoints, place);
    progress.isNextGood = true;
    await unlessStopped(sleep(place.setting.overlapMs, undefined, { signal: place.signal }));
    place.log(`stopping ${slot}`);
    await stopOld(old, place, progress);
    if (hasName) noteFreedAddress(place);
  }
}

async function unlessStopped(waiting: Promise<void>): Promise<void> {
  await waiting.catch(() => {
    throw new EngineError("stopped before the old container was", { isTemporary: false, hasNoEffect: true });
  });
}

interface Next {
  slot: string;
  endpoints: Endpoints;
}

/** All that can go wrong before anything is stopped: a config that the Engine refuses, a network that is gone. */
async function prepare(old: Container, successor: Successor, next: Next, place: Workplace): Promise<string> {
  const { engine, signal } = place;
  const name = newName(next.slot, "next");
  if (successor.kind === "kept") {
    const { container } = successor;
    await renameContainer(engine, container.Id, { name, signal });
    await reconnect(container, withoutFixedMac(container, next.endpoints), place);
    return container.Id;
  }
  return create(old, successor, { ...next, name }, place);
}

/** Engines since 25 give a MAC address only to a new container: one that has it stays in its network as it was. */
function withoutFixedMac(
  { Config, HostConfig, NetworkSettings }: Container,
  endpoints: Endpoints,
): Endpoints {
  const { NetworkMode: network = "" } = HostConfig;
  if (!Config.MacAddress || NetworkSettings.Networks?.[network] === undefined) return endpoints;
  const { [network]: _, ...others } = endpoints;
  return others;
}

async function create(
  old: Container,
  successor: Extract<Successor, { kind: "new" }>,
  { slot, name, endpoints }: Next & { name: string },
  place: Workplace,
): Promise<string> {
  const { engine, setting, signal, log } = place;
  const { image, oldImage, service, release, deployment } = successor;
  const config = ownConfig(old, oldImage);
  const origin = { service, slot, replaces: old.Id, wasRunning: old.State.Running, release, deployment };
  const labels = { ...config.Labels, ...labelsFor(origin) };
  const hostConfig = ownHostConfig(old, setting.anonymousVolumes);
  const networks = Object.entries(endpoints);
  // The one that the host config names is made together with the container.
  const first = networks.find(([network]) => network === hostConfig.NetworkMode) ?? networks[0];
  const id = await createContainer(engine, {
    name,
    config: { ...config, Image: image.reference, Labels: labels },
    hostConfig,
    endpoints: first === undefined ? {} : Object.fromEntries([first]),
    signal,
  });
  log(`created ${name} (${id.slice(0, 12)}) from ${image.reference}`);
  for (const [network, endpoint] of networks.filter((one) => one !== first)) {
    await connectNetwork(engine, network, { container: id, endpoint, signal });
  }
  const made = await findContainer(engine, id, { signal });
  // A tag can be moved between the pull and this.
  if (made?.Image === image.id) return id;
  throw new EngineError(`${image.reference} is another image by now`, {
    isTemporary: true,
    hasNoEffect: true,
  });
}

async function startHealthy(id: string, place: Workplace, progress: Progress | undefined): Promise<void> {
  const { engine, setting, signal, log } = place;
  await startContainer(engine, id, { signal });
  const health = await waitUntilHealthy(engine, id, { policy: setting.health, signal });
  if (!health.isHealthy) throw new NotHealthy(`the new container is not healthy: ${health.reason}`);
  if (progress !== undefined) progress.isNextGood = true;
  log(`the new container is healthy: ${health.how}`);
}

/**
 * Nobody should be sent to a container that is not healthy yet, and an Engine's name server sends to every container
 * that has a name: so it gets the names only now. Nothing is lost when it leaves its networks for that.
 */
async function giveNames(id: string, endpoints: Endpoints, place: Workplace): Promise<void> {
  const container = await findContainer(place.engine, id, place);
  if (container !== undefined) await reconnect(container, endpoints, place);
}

async function reconnect(
  { Id: id, NetworkSettings }: Container,
  endpoints: Endpoints,
  { engine, signal }: Workplace,
): Promise<void> {
  for (const [network, endpoint] of Object.entries(endpoints)) {
    if (!hasNames(network)) continue;
    const isIn = NetworkSettings.Networks?.[network] !== undefined;
    if (isIn) await disconnectNetwork(engine, network, { container: id, signal });
    await connectNetwork(engine, network, { container: id, endpoint, signal });
  }
}

async function stopOld(
  old: Container,
  { engine, setting, signal }: Workplace,
  progress: Progress,
): Promise<void> {
  progress.isOldStopped = old.State.Running;
  await stopContainer(engine, old.Id, { timeoutMs: setting.stopTimeoutMs, signal });
}

/** A target that was told to stop is left alone after 15 seconds. */
const graceMs = 12_000;
const mendingMs = 120_000;

/** Goes on after the caller's signal, and over errors that pass. */
async function mendSurely(slot: string, place: Workplace, isNextGood: boolean): Promise<Mended> {
  const limit = new AbortController();
  const end = () => setTimeout(() => limit.abort(), graceMs).unref();
  const total = setTimeout(() => limit.abort(), mendingMs);
  if (place.signal.aborted) end();
  else place.signal.addEventListener("abort", end, { once: true });
  try {
    for (let tries = 1; ; tries++) {
      try {
        return await mendSlot(slot, { ...place, signal: limit.signal }, isNextGood);
      } catch (error) {
        if (tries >= 5 || limit.signal.aborted) throw error;
        await sleep(100 * 2 ** tries);
      }
    }
  } finally {
    clearTimeout(total);
    place.signal.removeEventListener("abort", end);
  }
}
