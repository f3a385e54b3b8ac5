import { execFileSync } from "node:child_process";
import { byName, type Choices, nameFor, registryOf, suggestedBase, suggestedImage } from "./choices.ts";
import type { Given } from "./options.ts";
import type { Parts } from "./parts.ts";

/** Who owns the image where nobody has said it: the owner of the repository that git pushes to, or a name to replace. */
export function usualOwner(folder: string): string {
  try {
    const url = execFileSync("git", ["-C", folder, "remote", "get-url", "origin"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return /[/:]([\w.-]+)\/[\w.-]+?(?:\.git)?\s*$/.exec(url)?.[1]?.toLowerCase() ?? "example";
  } catch {
    return "example";
  }
}

/** UTC where the machine has no zone of its own. */
export function machineTimezone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
}

export const usualHookUrl = "https://hook.example.org";

export function usualName(imageName: string, { name }: Given): string {
  return name ?? nameFor(imageName);
}

export function usualHost(name: string): string {
  return `${name}.example.org`;
}

/** Everything that was neither said nor asked for is what is usual. */
export function completeChoices(
  given: Given,
  where: Pick<Choices, "site" | "target" | "folder"> & { imageName: string },
  parts: Parts,
): Choices {
  const { imageName, ...place } = where;
  const name = usualName(imageName, given);
  const ci = partOf(parts.ci, given.ci);
  const engine = partOf(parts.engines, given.engine);
  const fitting = given.registry ?? ci?.registry ?? "docker-hub";
  const image =
    given.image ?? suggestedImage(byName(parts.registries, fitting), usualOwner(place.target), name);
  const registry =
    given.registry === undefined ? registryOf(image, parts) : byName(parts.registries, given.registry);
  return {
    ...place,
    name,
    ci,
    engine,
    image,
    registry,
    base: given.base ?? suggestedBase(image),
    host: given.host ?? usualHost(name),
    hookUrl: (given["hook-url"] ?? usualHookUrl).replace(/\/+$/, ""),
    timezone: given.timezone ?? machineTimezone(),
  };
}

function partOf<Part extends { name: string }>(parts: readonly Part[], name = "none"): Part | undefined {
  return name === "none" ? undefined : byName(parts, name);
}
