/** What the server remembers of a head gives the same reading as the parser, whatever came before and stands behind. */
import { deepEqual } from "node:assert/strict";
import { findHeadEnd } from "../../server/head/head-end.ts";
import { HeadMemory } from "../../server/head/head-memory.ts";
import { parseHead } from "../../server/head/head-parser.ts";
import { escapeInput } from "./input.ts";
import { mutate } from "./mutation.ts";
import { Random } from "./random.ts";
import { rightRequests } from "./requests.ts";

export interface HeadMemoryResult {
  readonly inputs: number;
  /** Heads that were not parsed. */
  readonly recalled: number;
  readonly recalledPlain: number;
  readonly failures: readonly string[];
}

function makeTag(random: Random): string {
  return `"${String(random.below(1e9)).padStart(16, "0")}"`;
}

/** Fields change seldom, lines often, as in a client's requests; now and then either is damaged. */
function makeHead(random: Random, fields: string): string {
  const [line = ""] = random.pick(rightRequests).replace(/^\r\n/, "").split("\r\n");
  const others = random.chance(0.5) ? fields.replace(/"\d{16}"/, makeTag(random)) : fields;
  const head = `${random.chance(0.2) ? mutate(line, random, rightRequests) : line}\r\n${others}`;
  return random.chance(0.1) ? mutate(head, random, rightRequests) : head;
}

function makeFields(random: Random): string {
  const request = random.pick(rightRequests).replace(/^\r\n/, "");
  const plain = request.slice(request.indexOf("\r\n") + 2, request.indexOf("\r\n\r\n") + 4);
  const fields = random.chance(0.3) ? `If-None-Match: ${makeTag(random)}\r\n${plain}` : plain;
  return random.chance(0.3) ? mutate(fields, random, rightRequests) : fields;
}

/** The text between what stood before and behind it in the same buffer, as in the server's. */
function place(text: string, before: string, behind: string): { input: Buffer; at: number; length: number } {
  const input = Buffer.from(before + text + behind, "latin1");
  return { input, at: before.length, length: before.length + text.length };
}

function checkPlain(memory: HeadMemory, input: Buffer, at: number, length: number): boolean {
  const end = memory.recallPlain(input, at, length);
  if (end < 0) return false;
  // The server compares the line with those it knows, which are all short and of this kind.
  const [, target] =
    /^GET (\/[!-~]{0,60}) HTTP\/1\.1$/.exec(input.toString("latin1", at, memory.lineEnd)) ?? [];
  if (target === undefined) return false;
  const tag = memory.tagStart < 0 ? "" : input.toString("latin1", memory.tagStart, memory.tagStart + 18);
  // What stands in the tag's place is compared with the tags of files.
  if (tag !== "" && !/^"[0-9a-f]{16}"$/.test(tag)) return false;
  if (tag !== "") deepEqual(memory.tagIs(input, Buffer.from(tag)), true);
  const head = parseHead(input, at, end);
  const { error, method, minor, keepAlive, contentLength, target: parsed } = head;
  const expected = { error: 0, method: "GET", minor: 1, keepAlive: true, contentLength: 0 };
  deepEqual({ error, method, minor, keepAlive, contentLength }, expected);
  const { ifNoneMatch, ifMatch, ifUnmodifiedSince, ifRange, range, isConditional } = head;
  deepEqual({ ifNoneMatch, isConditional }, { ifNoneMatch: tag, isConditional: tag !== "" });
  deepEqual([ifMatch, ifUnmodifiedSince, ifRange, range], ["", "", "", ""]);
  deepEqual({ target: parsed, end }, { target, end: findHeadEnd(input.subarray(0, length), at, at) });
  return true;
}

/** Reads one head as the server does; whether it was recalled. Throws where that gives another head. */
function readOne(
  memory: HeadMemory,
  input: Buffer,
  at: number,
  length: number,
): "recalled" | "parsed" | "none" {
  const received = input.subarray(0, length);
  const end = findHeadEnd(received, at, at);
  const recalledEnd = memory.recall(input, at, length);
  if (recalledEnd >= 0) {
    deepEqual(recalledEnd, end);
    deepEqual(memory.head, parseHead(received, at, end));
    return "recalled";
  }
  if (end < 0) return "none";
  memory.remember(received, at, end, parseHead(received, at, end));
  return "parsed";
}

export function fuzzHeadMemory(options: {
  seed: number;
  seconds: number;
  inputs?: number;
}): HeadMemoryResult {
  const { seed, seconds, inputs = Number.POSITIVE_INFINITY } = options;
  const deadline = performance.now() + seconds * 1000;
  const random = new Random(seed);
  const failures: string[] = [];
  let [count, recalled, recalledPlain] = [0, 0, 0];
  let memory = new HeadMemory();
  let fields = makeFields(random);
  let recent: string[] = [];
  for (; count < inputs && failures.length < 5 && performance.now() < deadline; count++) {
    if (random.chance(0.1)) fields = makeFields(random);
    if (random.chance(0.02)) memory.forget();
    const whole = makeHead(random, fields);
    // Where a head is cut, what an earlier read left behind it in the buffer may look like its rest.
    const text = random.chance(0.1) ? whole.slice(0, random.below(whole.length)) : whole;
    const behind = random.pick([whole.slice(text.length), "", "\r\n\r\n", fields, makeHead(random, fields)]);
    const { input, at, length } = place(text, random.pick(["", "\r\n", whole]), behind);
    recent = [...recent.slice(-2), text];
    try {
      if (checkPlain(memory, input, at, length)) recalledPlain += 1;
      if (readOne(memory, input, at, length) === "recalled") recalled += 1;
    } catch (error) {
      failures.push(`${String(error).slice(0, 1000)}: ${escapeInput(recent)}`);
      memory = new HeadMemory();
    }
  }
  return { inputs: count, recalled, recalledPlain, failures };
}
