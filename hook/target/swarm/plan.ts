import type { Credentials } from "../../../oci/credentials.ts";
import type { ImageName } from "../../../oci/reference.ts";
import { isSameImage } from "../../../oci/reference.ts";
import type { Engine } from "../../engine-api/engine.ts";
import { parseReference } from "../../engine-api/images.ts";
import { registryAuthHeader } from "../../engine-api/registry-auth.ts";
import { findService, listServices, readSwarmRole, type SwarmService } from "../../engine-api/services.ts";
import type { Force } from "./change.ts";
import { findUnfitness, imageOf, type Order } from "./spec.ts";

/** Which services of a swarm are meant. */
export type ServiceSelector =
  | { kind: "names"; names: readonly string[] }
  | { kind: "label"; label: string }
  | { kind: "image" };

/** Everything that deployments of one image to a swarm need to know; how the Engine is reached is not among it. */
export interface SwarmPlan {
  image: ImageName;
  selector: ServiceSelector;
  connect(signal: AbortSignal): Promise<Engine>;
  credentials(signal: AbortSignal): Promise<Credentials | undefined>;
  /** Sent with a change where there are no credentials. */
  registryHeaders?: Readonly<Record<string, string>>;
  order: Order;
  monitorMs: number;
  isTogether: boolean;
  isPinned: boolean;
  /** Replaces a service's tasks without changing its tag; Portainer does it by itself. */
  force?: Force;
  /** For the services to come to the new release; going back has as long again. */
  timeoutMs: number;
}

/** What is wrong with what was asked for: thrown before anything has changed. */
export class Refusal extends Error {}

export async function connectManager(plan: Pick<SwarmPlan, "connect">, signal: AbortSignal): Promise<Engine> {
  const engine = await plan.connect(signal);
  const role = await readSwarmRole(engine, { signal });
  if (role === "manager") return engine;
  const why =
    role === "worker" ? "is a worker of its swarm: only a manager can change services" : "is in no swarm";
  throw new Refusal(`${engine.product} at ${engine.where} ${why}`);
}

export async function registryHeadersOf(
  plan: SwarmPlan,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  return registryAuthHeader(await plan.credentials(signal), plan.image);
}

/** In the order of the config, or by name. */
export async function findServices(
  engine: Engine,
  { selector, image }: Pick<SwarmPlan, "selector" | "image">,
  signal: AbortSignal,
): Promise<[SwarmService, ...SwarmService[]]> {
  const found =
    selector.kind === "names"
      ? await findNamed(engine, selector.names, signal)
      : await findAlike(engine, selector, image, signal);
  const [first, ...others] = found;
  if (first === undefined) {
    const what = selector.kind === "label" ? `with the label ${selector.label}` : `that runs ${image.text}`;
    throw new Refusal(`the swarm at ${engine.where} has no service ${what}`);
  }
  for (const { Spec } of found) {
    const problem = findUnfitness(Spec);
    if (problem !== undefined) throw new Refusal(`the service ${Spec.Name} ${problem}`);
  }
  return [first, ...others];
}

async function findNamed(
  engine: Engine,
  names: readonly string[],
  signal: AbortSignal,
): Promise<SwarmService[]> {
  const found: SwarmService[] = [];
  for (const name of names) {
    const service = await findService(engine, name, { signal });
    // The Engine finds by the start of an id as well: a name is to be the whole name.
    if (service === undefined || (service.Spec.Name !== name && service.ID !== name))
      throw new Refusal(
        `the swarm at ${engine.where} has no service ${name}: \`docker service ls\` names them`,
      );
    found.push(service);
  }
  return found;
}

async function findAlike(
  engine: Engine,
  selector: Exclude<ServiceSelector, { kind: "names" }>,
  image: ImageName,
  signal: AbortSignal,
): Promise<SwarmService[]> {
  const listed = await listServices(engine, {
    ...(selector.kind === "label" && { label: selector.label }),
    signal,
  });
  const meant = selector.kind === "label" ? listed : listed.filter((one) => runsImage(one, image));
  return meant.sort((a, b) => a.Spec.Name.localeCompare(b.Spec.Name, "en", { numeric: true }));
}

function runsImage(service: SwarmService, image: ImageName): boolean {
  const reference = parseReference(imageOf(service));
  return reference !== undefined && isSameImage(reference.name, image);
}
