import { isJsonObject, type JsonObject, textOf } from "../json.ts";
import { describeSlowness, matchInTime } from "../match-in-time.ts";
import { isTag, makeTrigger, readTime } from "../trigger.ts";
import { defaultGitlabSetting, type GitlabEvent, type GitlabSetting } from "./gitlab-setting.ts";
import type { WebhookSetting } from "./setting.ts";
import { isToken } from "./signature.ts";
import {
  headerOf,
  ignored,
  malformed,
  type Reading,
  type ReceivedWebhook,
  type Source,
  type WebhookRequest,
} from "./source.ts";
import { hasSignature, verifySignature } from "./standard-webhooks.ts";

/** GitLab says nothing about images: what a project builds for a git ref is in the service's `webhook.gitlab`. */
export const gitlab: Source = {
  name: "gitlab",
  recognises: ({ headers }) => headers["x-gitlab-event"] !== undefined,
  verify,
  read,
};

/** By the signing token (Standard Webhooks) where GitLab has one, else by the secret token in X-Gitlab-Token. */
function verify(received: ReceivedWebhook, setting: WebhookSetting, nowMs: number): string | undefined {
  if (hasSignature(received)) return verifySignature(received, setting, nowMs);
  const token = headerOf(received, "x-gitlab-token");
  if (token === undefined) return "it has no X-Gitlab-Token header and no webhook-signature";
  return isToken(token, setting.signing)
    ? undefined
    : "X-Gitlab-Token is none of the keys of `webhook.signing`";
}

/** What an event says, brought to one form. */
interface Occurrence {
  event: GitlabEvent;
  /** The short name of the git ref it was for. */
  ref: unknown;
  /** Whether that is a branch, which deploys only when the setting says so. */
  isBranch: boolean;
  sha: unknown;
  /** Why this one asks for nothing. */
  objection: string | undefined;
  pushedAtMs: number | undefined;
}

function read(request: WebhookRequest, { gitlab: setting = defaultGitlabSetting }: WebhookSetting): Reading {
  const { body } = request;
  if (!isJsonObject(body)) return malformed("the body is not an object");
  const occurrence = readers[textOf(body["object_kind"])]?.(body, setting);
  if (occurrence === undefined) return ignored("it is an event that never deploys");
  if (occurrence === "malformed") return malformed("the event has not the form that GitLab documents");
  const objection = findObjection(occurrence, body, setting);
  if (objection !== undefined) return ignored(objection);
  const tag = imageTag(occurrence, setting);
  // Not an error: branches may have names that are no tags, and GitLab switches a webhook off after four errors.
  if (!isTag(tag)) return ignored(`the event has no image tag by \`imageTag: ${setting.imageTag}\``);
  const trigger = makeTrigger({ tag, pushedAtMs: occurrence.pushedAtMs, pusher: userName(body) });
  const deliveryId = headerOf(request, "idempotency-key") ?? headerOf(request, "webhook-id");
  return { kind: "triggers", triggers: [trigger], ...(deliveryId !== undefined && { deliveryId }) };
}

function findObjection(
  { event, ref, isBranch, objection }: Occurrence,
  body: JsonObject,
  { on, project, branches }: GitlabSetting,
): string | undefined {
  if (!on.includes(event)) return `${event} events do not deploy; \`webhook.gitlab.on\` says which do`;
  if (project !== undefined && projectPath(body) !== project) return `the project is not ${project}`;
  return (isBranch ? findBranchObjection(ref, branches) : undefined) ?? objection;
}

function findBranchObjection(ref: unknown, branches: RegExp | undefined): string | undefined {
  const isName = typeof ref === "string" && ref.length <= maximumRefLength;
  const match = isName && branches !== undefined ? matchInTime(branches, ref) : "differs";
  if (match === "matches") return undefined;
  return match === "too-slow" && branches !== undefined
    ? `its branch ${describeSlowness(branches)}`
    : "it is of a branch that `webhook.gitlab.branches` does not name";
}

/** Git itself has no limit but the file system's, for a name with its folders. */
const maximumRefLength = 4096;

type Reader = (body: JsonObject, setting: GitlabSetting) => Occurrence | "malformed";

/** By `object_kind`; the header X-Gitlab-Event says the same, except for system hooks. */
const readers: Readonly<Record<string, Reader>> = Object.assign(Object.create(null), {
  pipeline: readPipeline,
  build: readJob,
  deployment: readDeployment,
  release: readRelease,
  tag_push: readTagPush,
});

/** Pipelines of merge requests may be of a stranger's fork, and a child's success is not yet its parent's. */
const pipelinesOfNoRelease = new Set([
  "merge_request_event",
  "external_pull_request_event",
  "parent_pipeline",
]);

function readPipeline(body: JsonObject): Occurrence | "malformed" {
  const pipeline = body["object_attributes"];
  if (!isJsonObject(pipeline)) return "malformed";
  const { ref, tag, sha, status, source, created_at: createdAt } = pipeline;
  const isOther = pipelinesOfNoRelease.has(textOf(source)) || isJsonObject(body["merge_request"]);
  return {
    event: "pipeline",
    ref,
    isBranch: tag !== true,
    sha,
    objection: isOther
      ? "it is a pipeline of a merge request or of another pipeline"
      : status === "success"
        ? undefined
        : "the pipeline has not succeeded",
    pushedAtMs: readTime(createdAt),
  };
}

function readJob(body: JsonObject, { job }: GitlabSetting): Occurrence {
  const { ref, tag, sha, build_name: name, build_status: status, build_created_at: createdAt } = body;
  const isOther = name !== job;
  return {
    event: "job",
    ref,
    isBranch: tag !== true,
    sha,
    objection: isOther
      ? `the job is not ${job}`
      : status === "success"
        ? undefined
        : "the job has not succeeded",
    pushedAtMs: readTime(createdAt),
  };
}

/** Deployments are made of branches and of tags alike, and do not say which: the environment is the choice. */
function readDeployment(body: JsonObject, { environment }: GitlabSetting): Occurrence {
  const { ref, short_sha: shortSha, status, environment: given, status_changed_at: changedAt } = body;
  const fullSha = /\/commit\/([0-9a-f]{40,64})$/.exec(textOf(body["commit_url"]))?.[1];
  const isOther = given !== environment;
  return {
    event: "deployment",
    ref,
    isBranch: false,
    sha: fullSha ?? shortSha,
    objection: isOther
      ? `the environment is not ${environment}`
      : status === "success"
        ? undefined
        : "the deployment has not succeeded",
    pushedAtMs: readTime(changedAt),
  };
}

function readRelease({ action, tag, commit, released_at: releasedAt }: JsonObject): Occurrence {
  return {
    event: "release",
    ref: tag,
    isBranch: false,
    sha: isJsonObject(commit) ? commit["id"] : undefined,
    objection: action === "create" ? undefined : "the release was not created by this",
    pushedAtMs: readTime(releasedAt),
  };
}

function readTagPush({ ref, after, checkout_sha: sha }: JsonObject): Occurrence {
  return {
    event: "tag",
    ref: /^refs\/tags\/(.+)$/.exec(textOf(ref))?.[1],
    isBranch: false,
    sha,
    objection: /^0+$/.test(textOf(after)) ? "the tag was deleted" : undefined,
    pushedAtMs: undefined,
  };
}

function imageTag({ ref, sha }: Occurrence, { imageTag: form }: GitlabSetting): unknown {
  const commit = typeof sha === "string" && /^[0-9a-f]{8,64}$/.test(sha) ? sha : undefined;
  switch (form) {
    case "ref":
      return ref;
    case "ref-slug":
      return typeof ref === "string" ? slug(ref) : undefined;
    case "short-sha":
      return commit?.slice(0, 8);
    case "sha":
      return commit !== undefined && commit.length >= 40 ? commit : undefined;
  }
}

/** What GitLab makes of a ref for CI_COMMIT_REF_SLUG. */
function slug(ref: string): string {
  return ref
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "-")
    .slice(0, 63)
    .replace(/^-+|-+$/g, "");
}

function projectPath({ project }: JsonObject): unknown {
  return isJsonObject(project) ? project["path_with_namespace"] : undefined;
}

function userName({ user, user_username: login, user_name: name }: JsonObject): unknown {
  return isJsonObject(user) ? (user["username"] ?? user["name"]) : (login ?? name);
}
