import { isJsonObject, type JsonObject } from "../json.ts";
import { isTag } from "../trigger.ts";
import type { Reading, Source, WebhookRequest } from "./source.ts";

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
  if (tag === undefined || tag === null || tag === "")
    return { kind: "ignored", reason: "the push has no tag" };
  if (!isTag(tag)) return malformed("push_data.tag is not an image tag");
  const pushedAtMs = readSeconds(push["pushed_at"]);
  return { kind: "triggers", triggers: [{ image, tag, ...(pushedAtMs !== undefined && { pushedAtMs }) }] };
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

function malformed(problem: string): Reading {
  return { kind: "malformed", problem };
}
