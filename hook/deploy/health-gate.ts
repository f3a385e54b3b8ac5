import { setTimeout as sleep } from "node:timers/promises";
import type { Template } from "../config/template.ts";
import type { Release } from "../target/target.ts";
import { type Finding, type Probe, runProbe } from "./probe.ts";
import { createRepeatLog } from "./repeat-log.ts";
import type { Gate } from "./verify.ts";

export type GateResult =
  | { kind: "healthy"; summary: string }
  | { kind: "unhealthy"; reason: string }
  | { kind: "interrupted"; seen: string };

export interface GateContext {
  log(line: string): void;
  /** Aborted when the deployment is cancelled or handed over. */
  signal: AbortSignal;
}

/** Asks until the answers are good as often in a row as the gate wants, or its time is over. */
export async function verifyRelease(gate: Gate, release: Release, context: GateContext): Promise<GateResult> {
  const probe = fillProbe(gate, release);
  if (probe === undefined) {
    return {
      kind: "unhealthy",
      reason: "`verify` names the digest, which is not known: set `registry: { check: true }`",
    };
  }
  const startedMs = performance.now();
  const lines = createRepeatLog(context.log);
  context.log(
    `asking ${probe.url.origin} whether ${release.tag} is healthy, for up to ${gate.timeout / 1000} s`,
  );
  let last: Finding = { isGood: false, seen: "nothing yet" };
  let goodInRow = 0;
  let tries = 0;
  const remainingMs = () => gate.timeout - (performance.now() - startedMs);
  const interrupted = async (pauseMs: number) => {
    await sleep(pauseMs, undefined, { signal: context.signal }).catch(() => {});
    return context.signal.aborted;
  };
  try {
    for (let pauseMs = gate.delay; remainingMs() > pauseMs; pauseMs = gate.every) {
      if (await interrupted(pauseMs)) return { kind: "interrupted", seen: last.seen };
      const timeoutMs = Math.max(1, Math.min(gate.answer, Math.ceil(remainingMs())));
      const finding = await runProbe({ ...probe, timeoutMs }, context.signal);
      if (context.signal.aborted) return { kind: "interrupted", seen: last.seen };
      // The gate's own end cut this one short: it tells less than the one before.
      if (finding.isLate && timeoutMs < gate.answer && tries > 0) break;
      last = finding;
      tries += 1;
      goodInRow = last.isGood ? goodInRow + 1 : 0;
      lines.add(last.isGood ? `good: ${last.seen}` : `not yet: ${last.seen}`);
      if (goodInRow >= gate.successes) return { kind: "healthy", summary: summarize(tries, startedMs, last) };
    }
  } finally {
    lines.end();
  }
  const often = goodInRow === 1 ? "once" : `${goodInRow} times`;
  const wanted = last.isGood ? `, good ${often} instead of ${gate.successes} times in a row` : "";
  const reason = `${release.tag} was not healthy within ${gate.timeout / 1000} s: ${probe.url.origin} last gave ${last.seen}${wanted}`;
  return { kind: "unhealthy", reason };
}

function summarize(tries: number, startedMs: number, { seen }: Finding): string {
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  return `healthy after ${seconds} s (${seen}, ${tries === 1 ? "the first answer" : `${tries} answers`})`;
}

/** `undefined` when something of it needs a digest that is not known. */
export function fillProbe(gate: Gate, { tag, digest }: Release): Probe | undefined {
  const { url, body, pattern, header } = gate;
  const values = { tag, digest: digest ?? "" };
  const templates = [url, body, pattern, header?.value].filter((template) => template !== undefined);
  if (digest === null && templates.some(needsDigest)) return undefined;
  return {
    method: gate.method,
    url: new URL(url.fill(values, encodeURIComponent)),
    headers: gate.headers,
    tls: gate.tls,
    redirects: gate.redirects,
    timeoutMs: gate.answer,
    expected: {
      status: gate.status,
      ...(body !== undefined && { text: body.fill(values) }),
      ...(pattern !== undefined && { pattern: new RegExp(pattern.fill(values, escapePattern)) }),
      ...(header !== undefined && { header: { name: header.name, value: header.value.fill(values) } }),
    },
  };
}

function needsDigest(template: Template): boolean {
  return template.fill({ tag: "", digest: "a" }) !== template.fill({ tag: "", digest: "b" });
}

/** A tag may have a dot in it, which is not any character. */
function escapePattern(value: string): string {
  return value.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
