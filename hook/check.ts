import { accessSync, constants, existsSync } from "node:fs";
import { dirname } from "node:path";
import type { Config } from "./config/load.ts";
import type { Service } from "./service.ts";
import { backupPath } from "./store/backup.ts";
import { readStoreVersion } from "./store/database.ts";
import { schemaVersion } from "./store/schema.ts";
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

/** One that is not there is not made. */
function checkStore(path: string): CheckResult {
  const directory = dirname(path);
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = code === "ENOENT" ? "does not exist: make it" : `cannot be written (${code})`;
    return { ok: false, problem: `the directory ${directory} ${problem}` };
  }
  if (!existsSync(path)) return { ok: true, detail: `${path} can be made` };
  try {
    return { ok: true, detail: describeStore(path, readStoreVersion(path)) };
  } catch (error) {
    return { ok: false, problem: (error as Error).message };
  }
}

function describeStore(path: string, version: number): string {
  if (version === schemaVersion) return `${path} can be opened`;
  if (version === 0) return `${path} has nothing in it: the hook begins with an empty history`;
  const backup = `a backup stays as ${backupPath(path, version)}`;
  return `${path} has schema version ${version}, and is brought to ${schemaVersion} by the start; ${backup}`;
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
