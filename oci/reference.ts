import { isDigest } from "./digest.ts";

/** An image repository, split the way Docker reads it: `stut/blog` is `docker.io` + `stut/blog`. */
export interface ImageName {
  registry: string;
  repository: string;
  /** As the operator wrote it, which is what `docker pull` takes. */
  text: string;
}

export type ImageNameResult = { name: ImageName } | { problem: string };

/** The one registry whose name, API and credentials are three different hosts. */
export const dockerHub = {
  name: "docker.io",
  apiHost: "registry-1.docker.io",
  credentialsKey: "https://index.docker.io/v1/",
} as const;

const dockerHubHosts = new Set<string>([
  dockerHub.name,
  "index.docker.io",
  dockerHub.apiHost,
  "registry.hub.docker.com",
]);
const component = "[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*";
const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`);
const hostPattern = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::\d{1,5})?$/i;

/** The first part is a registry only when it could not be a user name: distribution's reference grammar. */
function splitRegistry(text: string): { registry: string; repository: string } {
  const slash = text.indexOf("/");
  const first = slash < 0 ? "" : text.slice(0, slash);
  const isHost = first.includes(".") || first.includes(":") || first === "localhost";
  return isHost
    ? { registry: first.toLowerCase(), repository: text.slice(slash + 1) }
    : { registry: dockerHub.name, repository: text };
}

/** Whether it says where it is: without that it is Docker Hub's. */
export function namesRegistry({ text }: ImageName): boolean {
  return splitRegistry(text).repository !== text;
}

export function parseImageName(text: string): ImageNameResult {
  if (text.length > 255) return { problem: "longer than 255 characters" };
  const [scheme] = /^[a-z+.-]+:\/\//i.exec(text) ?? [];
  if (scheme !== undefined) return { problem: `has ${scheme} in front; leave that out` };
  const split = splitRegistry(text);
  if (split.repository.includes("@")) return { problem: "has a digest; leave it out" };
  if (split.repository.includes(":")) return { problem: "has a tag; leave it out" };
  const registry = dockerHubHosts.has(split.registry) ? dockerHub.name : split.registry;
  if (!hostPattern.test(registry)) return { problem: `"${split.registry}" is not a registry's host` };
  if (!repositoryPattern.test(split.repository)) {
    return { problem: "not an image repository; write it as in `docker pull`, such as stut/blog" };
  }
  const official = registry === dockerHub.name && !split.repository.includes("/");
  return {
    name: { registry, repository: official ? `library/${split.repository}` : split.repository, text },
  };
}

export function isSameImage(a: ImageName, b: ImageName): boolean {
  return a.registry === b.registry && a.repository === b.repository;
}

/** An image with what points to it: `stut/blog:v1`, `reg.example/blog@sha256:…`; the tag `latest` where neither is said. */
export interface ImageReference {
  name: ImageName;
  tag: string | undefined;
  digest: string | undefined;
}

const tagPattern = /^\w[\w.-]{0,127}$/;

export function parseImageReference(text: string): { reference: ImageReference } | { problem: string } {
  const [beforeDigest = "", digest, ...more] = text.split("@");
  if (more.length > 0 || (digest !== undefined && !isDigest(digest))) {
    return { problem: "has something behind @ that is no digest, such as sha256: and 64 hexadecimal digits" };
  }
  // A colon before a slash is a port's.
  const colon = beforeDigest.lastIndexOf(":");
  const hasTag = colon > beforeDigest.lastIndexOf("/");
  const tag = hasTag ? beforeDigest.slice(colon + 1) : undefined;
  if (tag !== undefined && !tagPattern.test(tag)) return { problem: `"${tag}" is not a tag` };
  const beforeTag = hasTag ? beforeDigest.slice(0, colon) : beforeDigest;
  if (hasTag && beforeTag.lastIndexOf(":") > beforeTag.lastIndexOf("/")) {
    return { problem: "has more than one tag behind its name; one colon and one tag, as stut/blog:v1" };
  }
  const parsed = parseImageName(beforeTag);
  if ("problem" in parsed) return parsed;
  return {
    reference: { name: parsed.name, tag: tag ?? (digest === undefined ? "latest" : undefined), digest },
  };
}

/** With the registry, as tools write it into archives: `docker.io/stut/blog`. */
export function fullName({ registry, repository }: ImageName): string {
  return `${registry}/${repository}`;
}
