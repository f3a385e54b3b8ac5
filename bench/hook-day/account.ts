/** Every webhook of the day accounted for: what was answered, what the store has, and what the engine was told. */
import { type Deployment, isEnded } from "../../hook/store/deployment.ts";
import type { Store } from "../../hook/store/store.ts";
import { type Engine, tagOf } from "./fleet.ts";
import { countExpected, type PlannedWebhook } from "./plan.ts";
import type { Answered } from "./replay.ts";

export interface Account {
  webhooks: number;
  /** Sent again, because no answer had come. */
  sentAgain: number;
  duplicates: number;
  /** Came after a newer one. */
  older: number;
  /** Waited, and a newer one came. */
  superseded: number;
  deployed: number;
  /** What is not as it has to be; empty when all is well. */
  faults: string[];
}

export function accountFor(
  plan: readonly PlannedWebhook[],
  answers: readonly Answered[],
  store: Pick<Store, "list">,
  engine: Engine,
): Account {
  const stored = readAll(store);
  const count = (state: string, reason = /(?:)/) =>
    stored.filter((one) => one.state === state && reason.test(one.reason ?? "")).length;
  const expected = countExpected(plan);
  const account = {
    webhooks: answers.length,
    sentAgain: answers.filter(({ sentBefore }) => sentBefore > 0).length,
    duplicates: answers.filter(({ as }) => as === "duplicate").length,
    older: count("superseded", /^older than /),
    superseded: count("superseded", /^superseded by /),
    deployed: count("succeeded"),
  };
  const { webhooks, sentAgain, duplicates, older, superseded, deployed } = account;
  const faults = [
    webhooks !== plan.length && `${webhooks} answers to ${plan.length} webhooks`,
    ...answers
      // What was stored, and not answered, is answered as a duplicate the next time.
      .filter(
        ({ as, sentBefore, webhook }) => as !== webhook.expected && !(sentBefore > 0 && as === "duplicate"),
      )
      .map(
        ({ as, status, webhook }) =>
          `${webhook.service} ${webhook.release}: ${as} (${status}), not ${webhook.expected}`,
      ),
    Math.abs(duplicates - expected.duplicate) > sentAgain &&
      `${duplicates} duplicates, not ${expected.duplicate}`,
    older !== expected.older && `${older} older ones, not ${expected.older}`,
    superseded + deployed !== expected.new &&
      `${superseded} superseded and ${deployed} deployed, not ${expected.new}`,
    stored.length !== expected.new + expected.older && `${stored.length} deployments stored`,
    ...stored.filter((one) => !isEnded(one)).map(({ id, state }) => `deployment ${id} is ${state}`),
    engine.overlaps > 0 && `${engine.overlaps} times two deployments of a service at once`,
    ...judgeEngine(plan, stored, engine),
  ];
  return { ...account, faults: faults.filter((fault) => fault !== false) };
}

/** Told each deployed release once, in ascending order, the day's newest last. */
function judgeEngine(
  plan: readonly PlannedWebhook[],
  stored: readonly Deployment[],
  { told }: Engine,
): string[] {
  const newest = new Map<string, number>();
  for (const { service, release } of plan) newest.set(service, Math.max(release, newest.get(service) ?? 0));
  const deployed = new Map<string, string[]>();
  for (const { service, tag, state } of stored)
    if (state === "succeeded") deployed.set(service, [...(deployed.get(service) ?? []), tag]);
  return [...newest].flatMap(([service, release]) => {
    const tags = told.get(service) ?? [];
    const wanted = (deployed.get(service) ?? []).sort();
    if (tags.join() !== wanted.join())
      return [`${service}: the engine was told ${tags}, the store has ${wanted}`];
    return tags.at(-1) === tagOf(release)
      ? []
      : [`${service} ends with ${tags.at(-1)}, not ${tagOf(release)}`];
  });
}

function readAll(store: Pick<Store, "list">): Deployment[] {
  const all: Deployment[] = [];
  for (;;) {
    const page = store.list({ limit: 1000, before: all.at(-1)?.id });
    all.push(...page);
    if (page.length < 1000) return all;
  }
}
