import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import type { Config } from "./config/load.ts";
import type { Service } from "./service.ts";
import type { CheckContext, CheckResult } from "./target/target.ts";

/** One part of the config that has to do with the world outside, and whether it could do its work. */
export interface CheckedPart {
  part: string;
  /** `null`: it cannot be asked without doing something. */
  ok: boolean | null;
  detail: string;
}

interface Part {
  name: string;
  check?: ((context: CheckContext) => Promise<CheckResult>) | undefined;
}

const timeoutMs = 15_000;

/** Asks them all, at the same time and in the config's order; changes nothing. */
export function checkParts(config: Config, limitMs = timeoutMs): Promise<CheckedPart[]> {
  return Promise.all(partsOf(config).map((part) => checkPart(part, limitMs)));
}

function partsOf({ storePath, services, notifiers }: Config): Part[] {
  return [
    { name: "store", check: async () => checkStore(storePath) },
    ...[...services.values()].flatMap(partsOfService),
    ...[...notifiers.values()].map(({ name, notifier }) => ({
      name: `notifiers.${name}: ${notifier.kind}`,
      check: notifier.check?.bind(notifier),
    })),
  ];
}

/** A registry that has only a login for others is not asked. */
function partsOfService({ name, target, registry }: Service): Part[] {
  const parts = (target.parts ?? [target]).map(
    (one): Part => ({ name: `services.${name}: ${one.name}`, check: one.check?.bind(one) }),
  );
  return registry?.isAsked
    ? [...parts, { name: `services.${name}: registry`, check: registry.check }]
    : parts;
}

async function checkPart({ name, check }: Part, limitMs: number): Promise<CheckedPart> {
  if (check === undefined) return { part: name, ok: null, detail: "can only be found out by doing it" };
  const signal = AbortSignal.timeout(limitMs);
  try {
    const result = await Promise.race([check({ signal }), giveUp(signal, limitMs)]);
    return { part: name, ok: result.ok, detail: result.ok ? result.detail : result.problem };
  } catch (error) {
    return { part: name, ok: false, detail: `the check itself broke: ${(error as Error).message}` };
  }
}

/** For a check that does not honour its signal. */
function giveUp(signal: AbortSignal, limitMs: number): Promise<CheckResult> {
  return new Promise((resolve) => {
    const end = () => resolve({ ok: false, problem: `no answer within ${limitMs / 1000} s` });
    // After the check's own, better words for it.
    signal.addEventListener("abort", () => void setTimeout(end, 250).unref());
  });
}

/** The store itself is not opened: that would make it. */
function checkStore(path: string): CheckResult {
  const directory = dirname(path);
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return { ok: true, detail: `${directory} can be written` };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = code === "ENOENT" ? "does not exist: make it" : `cannot be written (${code})`;
    return { ok: false, problem: `the directory ${directory} ${problem}` };
  }
}

export function isAllWell(parts: readonly CheckedPart[]): boolean {
  return parts.every(({ ok }) => ok !== false);
}

export function describeParts(parts: readonly CheckedPart[]): string[] {
  const width = Math.max(...parts.map(({ part }) => part.length));
  return parts.map(({ part, ok, detail }) => {
    const word = ok === null ? "?   " : ok ? "ok  " : "FAIL";
    return `${word}  ${part.padEnd(width)}  ${detail}`;
  });
}
