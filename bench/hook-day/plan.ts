/** A day's webhooks of a fleet, with what has to become of each. */
import { Random } from "../../test/fuzz/random.ts";

export interface PlannedWebhook {
  service: string;
  release: number;
  /** Where in the day, from 0 to 1. */
  at: number;
  /** `older` comes after a newer one; `duplicate` says again what was said. */
  expected: "new" | "older" | "duplicate";
}

export interface DayOptions {
  services: number;
  /** Releases a service has that day. */
  releases: number;
  seed: number;
}

const swapped = 0.1;
const saidAgain = 0.15;

export function nameOf(index: number): string {
  return `site-${String(index).padStart(4, "0")}`;
}

/** Of one service in its order, whatever comes of others in between; the same seed plans the same day. */
export function planDay({ services, releases, seed }: DayOptions): PlannedWebhook[] {
  const random = new Random(seed);
  const days = Array.from({ length: services }, (_, index) => planService(nameOf(index), releases, random));
  return days.flat().sort((one, other) => one.at - other.at);
}

function planService(service: string, releases: number, random: Random): PlannedWebhook[] {
  const order = shuffleALittle(releases, random).flatMap((release) =>
    random.chance(saidAgain) ? [release, release] : [release],
  );
  // A sender that got no answer may come again after what was pushed next.
  if (order.length > 2 && random.chance(saidAgain)) order.push(order[order.length - 3] ?? 1);
  const times = order.map(() => random.next()).sort((one, other) => one - other);
  let newest = 0;
  const seen = new Set<number>();
  return order.map((release, index) => {
    const expected = seen.has(release) ? "duplicate" : release < newest ? "older" : "new";
    seen.add(release);
    newest = Math.max(newest, release);
    return { service, release, at: times[index] ?? 0, expected };
  });
}

function shuffleALittle(releases: number, random: Random): number[] {
  const order = Array.from({ length: releases }, (_, index) => index + 1);
  for (let index = 1; index < order.length; index++) {
    if (!random.chance(swapped)) continue;
    const [one = 0, other = 0] = [order[index - 1], order[index]];
    order.splice(index - 1, 2, other, one);
    index++;
  }
  return order;
}

export function countExpected(plan: readonly PlannedWebhook[]): Record<PlannedWebhook["expected"], number> {
  const count = (wanted: string) => plan.filter(({ expected }) => expected === wanted).length;
  return { new: count("new"), older: count("older"), duplicate: count("duplicate") };
}
