import { parseImageName } from "../../oci/reference.ts";
import type { ExistingSite } from "./existing-site.ts";
import type { Ci, Engine, Parts, Registry } from "./parts.ts";
import { substitute } from "./substitute.ts";

/** All that `statigo init` has to know before it writes anything. */
export interface Choices {
  site: { kind: "template"; template: string } | { kind: "existing"; found: ExistingSite };
  /** The folder, in full and as it was typed. */
  target: string;
  folder: string;
  /** The site's, in every file that gives it one: small letters, digits and dashes. */
  name: string;
  timezone: string;
  ci: Ci | undefined;
  engine: Engine | undefined;
  /** The repository of the site's image, without a tag. */
  image: string;
  registry: Registry;
  /** The image that it is built on, for a CI that has none of its own. */
  base: string;
  /** Where the site and the hook are reached. */
  host: string;
  hookUrl: string;
}

export function byName<Part extends { name: string }>(list: readonly Part[], name: string): Part {
  const found = list.find((part) => part.name === name);
  if (found === undefined) throw new Error(`the parts have no ${name}`);
  return found;
}

/** The registry that an image's name says. */
export function registryOf(image: string, { registries }: Parts): Registry {
  const found = registries.find(({ host }) => new RegExp(`^(?:${host})$`).test(hostOf(image)));
  if (found === undefined) throw new Error("registries.json has none for any host");
  return found;
}

export function hostOf(image: string): string {
  const parsed = parseImageName(image);
  if ("problem" in parsed) throw new Error(`${image}: ${parsed.problem}`);
  return parsed.name.registry;
}

export function suggestedImage(registry: Registry, owner: string, name: string): string {
  return substitute(registry.image, { owner, name });
}

/** Beside the site's own image: whoever may push the one may push the other. */
export function suggestedBase(image: string): string {
  const slash = image.lastIndexOf("/");
  return slash < 0 ? "statigo" : `${image.slice(0, slash)}/statigo`;
}

/** A folder's name as one of a service, which Kubernetes and YAML are the strictest with. */
export function nameFor(imageName: string): string {
  const short = imageName.slice(0, 40).replace(/-+$/, "");
  return isName(short) ? short : `site-${short}`;
}

const yamlWords = new Set(["true", "false", "null", "yes", "no", "on", "off", "y", "n"]);

export function isName(text: string): boolean {
  return /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text) && !yamlWords.has(text);
}
