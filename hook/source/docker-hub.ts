import { isJsonObject, type JsonObject } from "../json.ts";
import { isTag, makeTrigger } from "../trigger.ts";
import { ignored, malformed, type Reading, type Source, type WebhookRequest } from "./source.ts";

/**
 * Docker Hub sends no signature, no event header and no delivery id: the secret URL is all the authentication
 * there is, and the two objects `push_data` and `repository` are all there is to know it by.
 */
export const dockerHub: Source = {
  name: "docker-hub",
  recognises: ({ body }) => isJsonObject(body) && "push_data" in body && "repository" in body,
  read,
};

function read({ body }: WebhookRequest): Reading {
  if (!isJsonObject(body) || !isJsonObject(body["push_data"])) return malformed("push_data is not an object");
  if (!isJsonObject(body["repository"])) return malformed("repository is not an object");
  const push = body["push_data"];
  const image = repositoryName(body["repository"]);
  if (image === undefined) return malformed("repository.repo_name is not a string");
  const tag = push["tag"];
  if (tag === undefined || tag === null || tag === "") return ignored("the push has no tag");
  if (!isTag(tag)) return malformed("push_data.tag is not an image tag");
  const pushedAtMs = readSeconds(push["pushed_at"]);
  const callbackUrl = readCallbackUrl(body["callback_url"]);
  return {
    kind: "triggers",
    triggers: [makeTrigger({ image, tag, pushedAtMs, pusher: push["pusher"] })],
    ...(callbackUrl !== undefined && { callbackUrl: callbackUrl.href }),
  };
}

const callbackHosts = new Set(["registry.hub.docker.com", "hub.docker.com"]);

/** Docker Hub's own address, on the usual port: anything else in its place is no place for a request of the hook's. */
export function readCallbackUrl(value: unknown): URL | undefined {
  const url = typeof value === "string" && value.length <= 2000 ? URL.parse(value) : null;
  if (url === null || url.protocol !== "https:" || !callbackHosts.has(url.host)) return undefined;
  return url.username === "" && url.password === "" ? url : undefined;
}

/** `repo_name` is in every documented body; older ones were seen with only its two halves. */
function repositoryName(repository: JsonObject): string | undefined {
  const { repo_name: full, namespace, name } = repository;
  if (typeof full === "string" && full !== "") return full;
  return typeof namespace === "string" && typeof name === "string" ? `${namespace}/${name}` : undefined;
}

/** Docker Hub's own examples have `1.417566161e+09`, other captures an integer; some bodies leave it out. */
function readSeconds(value: unknown): number | undefined {
  const isPlausible = typeof value === "number" && value > 0 && value < 1e11;
  return isPlausible ? Math.round(value * 1000) : undefined;
}
