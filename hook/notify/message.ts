import type { Fields } from "../config/fields.ts";
import type { Template } from "../config/template.ts";
import type { DeploymentEvent, EventName } from "./event.ts";

/** What people read, in the parts that every way of telling them has. */
export interface Message {
  title: string;
  text: string;
  facts: readonly Fact[];
  /** Where there is more. */
  url: string | undefined;
}

export interface Fact {
  name: string;
  value: string;
}

/** The operator's own words instead of the usual ones. */
export interface Wording {
  title?: Template | undefined;
  text?: Template | undefined;
}

type Values = Readonly<Record<PlaceholderName, string>>;

/** What a `title` or `text` of the config may name. */
export const placeholders = {
  service: "the service's name",
  image: "the image's repository",
  tag: "the tag that was to be deployed",
  digest: "its digest; empty when it is not known",
  event: "succeeded, failed, rolled-back, recovered or waiting-for-approval",
  state: "the deployment's state, such as failed",
  reason: "what the target or the health check said",
  target: "the kind of target, such as consul",
  source: "where it came from: the sender's kind, or api",
  cause: "webhook, deploy, redeploy or rollback",
  actor: "who asked for it: the token's name, or webhook",
  pusher: "who pushed the image, as the sender says; may be empty",
  id: "the deployment's number",
  attempt: "how often it was begun",
  previousTag: "the tag that ran before; may be empty",
  rolledBackTo: "the tag that runs again after a rollback; may be empty",
  duration: "how long it took, such as 1 min 5 s; may be empty",
  time: "when it happened, such as 2026-08-01T10:00:00Z",
  url: "the deployment in the dashboard; empty without publicUrl",
} as const;

export type PlaceholderName = keyof typeof placeholders;

/** `title` and `text` in the options of a notifier whose messages are for people. */
export function wordingFields(fields: Fields) {
  const names = Object.keys(placeholders);
  return {
    title: fields.template(`the first line, such as "\${service} \${tag}: \${event}"`, names).optional(),
    text: fields.template("what comes after the first line", names).optional(),
  };
}

/** Values may hold anything: `escapeValue` makes them harmless to the receiver's markup. */
export function composeMessage(
  event: DeploymentEvent,
  wording: Wording,
  deploymentsUrl: string | undefined,
  escapeValue?: (value: string) => string,
): Message {
  const protect = escapeValue ?? ((value: string) => value);
  const url = linkTo(event, deploymentsUrl);
  const values = valuesOf(event, url);
  return {
    title: wording.title?.fill(values, protect) ?? protect(usualTitles[event.event](values)),
    text: wording.text?.fill(values, protect) ?? protect(values.reason),
    facts: factsOf(values).map(({ name, value }) => ({ name, value: protect(value) })),
    url,
  };
}

/** Where people read more about it, when the hook knows how they reach it. */
export function linkTo({ deployment }: DeploymentEvent, deploymentsUrl: string | undefined) {
  return deploymentsUrl === undefined ? undefined : `${deploymentsUrl}/${deployment.id}`;
}

const usualTitles: Readonly<Record<EventName, (values: Values) => string>> = {
  succeeded: ({ service, tag }) => `${service}: ${tag} is deployed`,
  failed: ({ service, tag }) => `${service}: deploying ${tag} failed`,
  "rolled-back": ({ service, tag, rolledBackTo }) =>
    `${service}: ${tag} was rolled back${rolledBackTo === "" ? "" : ` to ${rolledBackTo}`}`,
  recovered: ({ service, tag }) => `${service}: ${tag} is deployed, after a failure before`,
  "waiting-for-approval": ({ service, tag, id }) =>
    `${service}: ${tag} waits for approval (deployment ${id})`,
};

function valuesOf(
  { event, atMs, deployment, previousTag }: DeploymentEvent,
  url: string | undefined,
): Values {
  const { service, image, tag, state, target, source, cause, actor } = deployment;
  const { startedAtMs, finishedAtMs } = deployment;
  const isTimed = startedAtMs !== null && finishedAtMs !== null;
  return {
    ...{ service, image, tag, state, target, source, cause, actor, event },
    digest: deployment.digest ?? "",
    reason: oneLine(deployment.reason ?? ""),
    pusher: deployment.pusher ?? "",
    id: String(deployment.id),
    attempt: String(deployment.attempt),
    previousTag: previousTag ?? "",
    rolledBackTo: deployment.rolledBackTo ?? "",
    duration: isTimed ? formatDuration(finishedAtMs - startedAtMs) : "",
    time: new Date(atMs).toISOString().replace(/\.\d+Z$/, "Z"),
    url: url ?? "",
  };
}

const longestReason = 1000;

/** A reason quotes what engines and programs said. */
function oneLine(text: string): string {
  const line = text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return shorten(line, longestReason);
}

/** Cut between characters, never within one. */
export function shorten(text: string, maximumLength: number): string {
  if (text.length <= maximumLength) return text;
  const kept = text.slice(0, maximumLength - 1);
  const last = kept.charCodeAt(kept.length - 1);
  const isHalf = last >= 0xd800 && last <= 0xdbff;
  return `${isHalf ? kept.slice(0, -1) : kept}…`;
}

function factsOf({ image, tag, target, actor, pusher, duration, previousTag }: Values): Fact[] {
  const facts = [
    { name: "Image", value: `${image}:${tag}` },
    { name: "Before", value: previousTag },
    { name: "Target", value: target },
    { name: "Asked for by", value: actor },
    { name: "Pushed by", value: pusher },
    { name: "Took", value: duration },
  ];
  return facts.filter(({ value }) => value !== "");
}

/** A clock that was set back while it ran makes a duration negative. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.max(0, durationMs / 1000);
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const parts = [
    hours > 0 && `${hours} h`,
    minutes > 0 && `${minutes} min`,
    rest > 0 && hours === 0 && `${rest} s`,
  ];
  return parts.filter((part) => part !== false).join(" ");
}
