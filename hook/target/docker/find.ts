import type { ImageName } from "../../../oci/reference.ts";
import { isSameImage } from "../../../oci/reference.ts";
import { type Container, findContainer, listContainers, nameOf } from "../../engine-api/containers.ts";
import type { Engine } from "../../engine-api/engine.ts";
import { digestIn, findImage, parseReference } from "../../engine-api/images.ts";
import { isDigest } from "../../trigger.ts";
import type { Release } from "../target.ts";
import { membersOf, plainName } from "./family.ts";
import { labelNames } from "./slot.ts";

/** Which containers are meant: those of these names, with this label, or that run the service's image. */
export type Selector =
  | { kind: "names"; names: readonly string[] }
  | { kind: "label"; label: string }
  | { kind: "image"; image: ImageName };

export function describeSelector(selector: Selector): string {
  switch (selector.kind) {
    case "names":
      return `the name ${selector.names.join(" or ")}`;
    case "label":
      return `the label ${selector.label}`;
    case "image":
      return `the image ${selector.image.text}`;
  }
}

/**
 * Those that are meant, by name; replaced ones and those in the making are none. Of a label's and an image's only what
 * runs: somebody may keep a stopped one for another reason.
 */
export async function findMeant(
  engine: Engine,
  selector: Selector,
  { signal }: { signal: AbortSignal },
): Promise<Container[]> {
  const ids = selector.kind === "names" ? selector.names : await listCandidates(engine, selector, signal);
  const found = await Promise.all(ids.map((id) => findContainer(engine, id, { signal })));
  return found
    .filter((one) => one !== undefined)
    .filter((one) => isMeant(one, selector))
    .sort((a, b) => nameOf(a).localeCompare(nameOf(b), "en", { numeric: true }));
}

async function listCandidates(
  engine: Engine,
  selector: Exclude<Selector, { kind: "names" }>,
  signal: AbortSignal,
): Promise<string[]> {
  const all = await listContainers(engine, { signal });
  const labelled =
    selector.kind === "label" ? await listContainers(engine, { labels: [selector.label], signal }) : all;
  const others = new Set(
    [...new Set(all.map(({ Labels }) => Labels?.[labelNames.slot]))].flatMap((slot) => {
      if (slot === undefined) return [];
      const { next, old } = membersOf(slot, all);
      return [...next, ...old];
    }),
  );
  return labelled
    .filter((one) => one.State === "running" && !others.has(one.Id) && plainName(one) !== "")
    .map(({ Id }) => Id);
}

/** The Engine finds by the start of an id as well: a name is to be the whole name. */
function isMeant(container: Container, selector: Selector): boolean {
  if (selector.kind === "names") return selector.names.includes(nameOf(container));
  if (selector.kind === "label") return true;
  const reference = parseReference(container.Config.Image ?? "");
  return reference !== undefined && isSameImage(reference.name, selector.image);
}

/** What a container runs: as our labels say, or as the image was called when it was made. */
export async function releaseOf(
  engine: Engine,
  { Config, Image }: Container,
  image: ImageName,
  { signal }: { signal: AbortSignal },
): Promise<Release | undefined> {
  const tag = Config.Labels?.[labelNames.tag];
  const digest = Config.Labels?.[labelNames.digest];
  if (tag !== undefined) return { tag, digest: isDigest(digest) ? digest : null };
  const reference = parseReference(Config.Image ?? "");
  if (reference === undefined || !isSameImage(reference.name, image)) return undefined;
  const known = reference.digest ?? (await digestOf(engine, Image, image, signal));
  return { tag: reference.tag ?? "latest", digest: known };
}

async function digestOf(engine: Engine, id: string, image: ImageName, signal: AbortSignal) {
  const found = await findImage(engine, id, { signal });
  return found === undefined ? null : digestIn(found, image);
}
