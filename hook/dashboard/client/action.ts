import type { Deployment, Scope, Service, SetUp } from "./answers.ts";
import { formatAgo, formatTime, shortDigest } from "./format.ts";
import { isUnderWay, waitWords } from "./wording.ts";

/** Something a person may do here, and all that is said before it is done. */
export interface Action {
  title: string;
  /** What will happen, one sentence each, in its order. */
  sentences: readonly string[];
  /** On the button that does it. */
  confirm: string;
  isDangerous: boolean;
  scope: Scope;
  /** Of the API, after `/api/`. */
  path: string;
  /** What the fields are added to. */
  body?: object;
  fields: readonly Field[];
  /** What is said afterwards. */
  done: string;
}

export interface Field {
  name: "tag" | "digest" | "until" | "reason";
  label: string;
  hint?: string;
  isRequired?: boolean;
  pattern?: string;
  value?: string;
}

/** What can be gone back to. `isPrevious`: the one that the hook would choose itself. */
export interface GoodRelease {
  tag: string;
  digest: string | null;
  deployment: number;
  isPrevious: boolean;
}

const tagField: Field = {
  name: "tag",
  label: "Tag",
  hint: "of the image, as it was pushed",
  isRequired: true,
  pattern: "[A-Za-z0-9_][A-Za-z0-9._\\-]{0,127}",
};
const digestField: Field = {
  name: "digest",
  label: "Digest, if it must be this one",
  hint: "sha256: and 64 digits",
  pattern: "sha256:[0-9a-f]{64}",
};
const reasonField: Field = { name: "reason", label: "Why", hint: "for whoever reads it later" };

export function deployAction(service: Service, { steps }: SetUp, nowMs: number): Action {
  return {
    title: `Deploy a tag of ${service.name}`,
    sentences: [
      `The tag below of ${service.image} replaces what runs.`,
      describeNow(service, nowMs),
      ...holds(service, false),
      ...steps,
      "It is deployed even if it is older than what runs.",
    ],
    confirm: "Deploy it",
    isDangerous: false,
    scope: "deploy",
    path: `services/${service.name}/deployments`,
    fields: [tagField, digestField],
    done: `${service.name}: the deployment is on its way`,
  };
}

export function redeployAction(
  service: Service,
  { steps }: SetUp,
  { id, tag, digest }: Deployment,
  nowMs: number,
): Action {
  return {
    title: `Deploy ${tag} of ${service.name} again`,
    sentences: [
      `${service.image}:${tag}${withDigest(digest)} is deployed once more, as in deployment ${id}.`,
      describeNow(service, nowMs),
      ...holds(service, false),
      ...steps,
    ],
    confirm: `Deploy ${tag} again`,
    isDangerous: false,
    scope: "deploy",
    path: `deployments/${id}/redeploy`,
    fields: [],
    done: `${service.name}: ${tag} is deployed again`,
  };
}

export function rollBackAction(service: Service, { steps }: SetUp, to: GoodRelease, nowMs: number): Action {
  const underWay = underWayOf(service);
  return {
    title: `Roll ${service.name} back to ${to.tag}`,
    sentences: [
      `${service.image}:${to.tag}${withDigest(to.digest)}, which was live as deployment ${to.deployment}, comes back.`,
      describeNow(service, nowMs),
      ...whatIsLeft(service),
      ...holds(service, true),
      ...steps,
    ],
    confirm: `Roll back to ${to.tag}`,
    isDangerous: true,
    scope: "deploy",
    path: `services/${service.name}/rollback`,
    // What is under way may end before this is pressed, and the hook's own choice would be another one then.
    body: to.isPrevious && (underWay === null || underWay.tag === to.tag) ? {} : { tag: to.tag },
    fields: [],
    done: `${service.name}: on its way back to ${to.tag}`,
  };
}

export function pauseAction({ name, next }: Service): Action {
  return {
    title: `Pause ${name}`,
    sentences: [
      "Nothing of it is deployed any more, rollbacks included, until somebody resumes it.",
      "Webhooks are still taken: the newest waits, and is deployed when the pause ends.",
      "What is being deployed right now is finished.",
      ...(next === null ? [] : [`${next.tag}, which ${waitWords[next.waitingFor ?? "turn"]}, waits on.`]),
    ],
    confirm: `Pause ${name}`,
    isDangerous: true,
    scope: "admin",
    path: `services/${name}/pause`,
    fields: [reasonField],
    done: `${name} is paused`,
  };
}

export function resumeAction({ name, next, pausedBy }: Service): Action {
  return {
    title: `Resume ${name}`,
    sentences: [
      `Ends the pause that ${pausedBy ?? "somebody"} began.`,
      next === null
        ? "Nothing waits: the next webhook is deployed."
        : `${next.tag} waits, and is deployed at once.`,
    ],
    confirm: `Resume ${name}`,
    isDangerous: false,
    scope: "admin",
    path: `services/${name}/resume`,
    fields: [],
    done: `${name} is resumed`,
  };
}

export function freezeAction({ name }: Service): Action {
  return {
    title: `Freeze ${name}`,
    sentences: [
      "Until the time below nothing new of it is deployed; a rollback still is.",
      "Webhooks are still taken: the newest waits, and is deployed when the freeze ends by itself.",
      "What is being deployed right now is finished.",
    ],
    confirm: `Freeze ${name}`,
    isDangerous: true,
    scope: "admin",
    path: `services/${name}/freeze`,
    fields: [
      {
        name: "until",
        label: "For how long",
        hint: "such as 90m, 12h or 3d, or a time such as 2026-12-24T18:00:00Z",
        value: "12h",
        isRequired: true,
      },
      reasonField,
    ],
    done: `${name} is frozen`,
  };
}

export function unfreezeAction({ name, next, frozenUntil, frozenBy }: Service): Action {
  const until = frozenUntil === null ? "" : `, which would last until ${formatTime(frozenUntil)}`;
  return {
    title: `End the freeze of ${name}`,
    sentences: [
      `Ends the freeze by ${frozenBy ?? "somebody"}${until}.`,
      next === null
        ? "Nothing waits: the next webhook is deployed."
        : `${next.tag} waits, and is deployed at once.`,
    ],
    confirm: "End the freeze",
    isDangerous: false,
    scope: "admin",
    path: `services/${name}/unfreeze`,
    fields: [],
    done: `${name} is no longer frozen`,
  };
}

export function approveAction(
  service: Service,
  { steps }: SetUp,
  { id, tag, digest, image }: Deployment,
  nowMs: number,
): Action {
  return {
    title: `Approve ${tag} of ${service.name}`,
    sentences: [
      `${image}:${tag}${withDigest(digest)} goes ahead, under your name.`,
      describeNow(service, nowMs),
      ...holds(service, false),
      ...steps,
    ],
    confirm: `Approve ${tag}`,
    isDangerous: false,
    scope: "admin",
    path: `deployments/${id}/approve`,
    fields: [],
    done: `${tag} of ${service.name} is approved`,
  };
}

export function cancelAction({ id, tag, service, state }: Deployment): Action {
  return {
    title: `Cancel ${tag} of ${service}`,
    sentences: isUnderWay(state)
      ? [
          "The target is told to stop; what it has changed already may stay changed.",
          "Nothing is rolled back by it: the deployment's end says what was left where.",
        ]
      : ["It waits, and is never begun. What runs goes on running."],
    confirm: "Cancel the deployment",
    isDangerous: true,
    scope: "deploy",
    path: `deployments/${id}/cancel`,
    fields: [],
    done: `${tag} of ${service} is cancelled`,
  };
}

function describeNow({ release, name }: Service, nowMs: number): string {
  if (release === null) return `Nothing of ${name} runs yet.`;
  return `Now ${release.tag} runs, since ${formatTime(release.since)} (${formatAgo(release.since, nowMs)}).`;
}

function underWayOf({ last }: Service): Deployment | null {
  return last !== null && isUnderWay(last.state) ? last : null;
}

/** What becomes of a deployment that somebody goes back from before it has ended. */
function whatIsLeft(service: Service): string[] {
  const underWay = underWayOf(service);
  if (underWay !== null)
    return [`${underWay.tag} is being deployed, and not stopped by this: cancel it for that.`];
  const isTriedAgain = service.last?.waitingFor === "retry";
  return isTriedAgain ? [`${service.last?.tag}, which waits for its next try, is given up.`] : [];
}

/** What keeps it from being begun at once. */
function holds(service: Service, isRollback: boolean): string[] {
  const { state, pausedBy, frozenBy, frozenUntil } = service;
  const underWay = underWayOf(service);
  return [
    ...(underWay === null ? [] : [`It begins when ${underWay.tag} has come to its end.`]),
    ...(state === "paused" ? [`${pausedBy} has paused the service: it waits until that ends.`] : []),
    ...(state === "frozen" && frozenUntil !== null && !isRollback
      ? [`${frozenBy} has frozen the service: it waits until ${formatTime(frozenUntil)}.`]
      : []),
  ];
}

function withDigest(digest: string | null): string {
  return digest === null ? "" : ` (digest ${shortDigest(digest)}…)`;
}
