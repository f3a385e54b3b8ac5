/** An image repository, split the way Docker reads it: `stut/blog` is `docker.io` + `stut/blog`. */
export interface ImageName {
  registry: string;
  repository: string;
  /** As the operator wrote it, which is what `docker pull` takes. */
  text: string;
}

export type ImageNameResult = { name: ImageName } | { problem: string };

const dockerHubHosts = new Set([
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
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
    : { registry: "docker.io", repository: text };
}

export function parseImageName(text: string): ImageNameResult {
  if (text.length > 255) return { problem: "longer than 255 characters" };
  const split = splitRegistry(text);
  if (split.repository.includes("@")) return { problem: "has a digest; leave it out: the hook adds it" };
  if (split.repository.includes(":")) return { problem: "has a tag; leave it out: the webhook brings it" };
  const registry = dockerHubHosts.has(split.registry) ? "docker.io" : split.registry;
  if (!hostPattern.test(registry)) return { problem: `"${split.registry}" is not a registry's host` };
  if (!repositoryPattern.test(split.repository)) {
    return { problem: "not an image repository; write it as in `docker pull`, such as stut/blog" };
  }
  const official = registry === "docker.io" && !split.repository.includes("/");
  return {
    name: { registry, repository: official ? `library/${split.repository}` : split.repository, text },
  };
}

export function isSameImage(a: ImageName, b: ImageName): boolean {
  return a.registry === b.registry && a.repository === b.repository;
}
