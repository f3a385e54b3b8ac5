import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type LineCounter, type Node } from "yaml";
import type { z } from "zod";
import { findNearest } from "./nearest.ts";
import { otherNames } from "./other-names.ts";
import { descriptionAt, knownKeys } from "./schema-walk.ts";

/** One thing that is wrong with the config, and where. */
export interface Problem {
  line: number;
  column: number;
  /** `services.blog.tags`; empty for the file as a whole. */
  path: string;
  message: string;
}

/** `hook.yaml:12:5 services.blog.tags: not a regular expression (unterminated group)` */
export function formatProblem(file: string, { line, column, path, message }: Problem): string {
  return `${file}:${line}:${column}${path === "" ? "" : ` ${path}`}: ${message}`;
}

export interface ProblemPlaces {
  document: Document;
  lines: LineCounter;
  schema: z.core.$ZodType;
}

/** Turns one of zod's issues into problems at the places of the file that they are about. */
export function problemsOf(issue: z.core.$ZodIssue, places: ProblemPlaces): Problem[] {
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(places.schema, issue.path);
    return issue.keys.map((key) => place([...issue.path, key], unknownKey(key, known, issue.path), places));
  }
  if (issue.code === "invalid_key") {
    return issue.issues.map(({ message }) => place(issue.path, message, places));
  }
  return [place(issue.path, messageOf(issue, places), places)];
}

function unknownKey(key: string, known: readonly string[], above: readonly PropertyKey[]): string {
  const name = otherNames[`${String(above.findLast((part) => typeof part === "string"))}.${key}`];
  if (name !== undefined && known.includes(name)) return `unknown key; it is called \`${name}\``;
  const nearest = findNearest(key, known);
  const advice = nearest === undefined ? `known here: ${known.join(", ")}` : `did you mean \`${nearest}\`?`;
  return `unknown key; ${advice}`;
}

function messageOf(issue: z.core.$ZodIssue, { document, schema }: ProblemPlaces): string {
  const isMissing = issue.code === "invalid_type" && find(document, issue.path)?.value == null;
  const description = descriptionAt(schema, issue.path);
  if (isMissing) return description === undefined ? "missing" : `missing: ${description}`;
  const [, fault] = /^Invalid (?:input|option): (.*)$/s.exec(issue.message) ?? [];
  // Our own messages say what to write; zod's say only what is wrong.
  return fault === undefined
    ? issue.message
    : `${fault}${description === undefined ? "" : ` (${description})`}`;
}

/** A problem at a path of the config. */
export function place(
  path: readonly PropertyKey[],
  message: string,
  { document, lines }: Omit<ProblemPlaces, "schema">,
): Problem {
  const { line, col } = lines.linePos(offsetOf(document, path));
  return { line, column: col, path: path.map(showKey).join("."), message };
}

/** A key that nobody means may be anything: it stays short and on the line. */
function showKey(key: PropertyKey): string {
  const text = String(key);
  const short = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return /[\p{Cc}\u2028\u2029]/u.test(short) ? JSON.stringify(short) : short;
}

/** Where a path stands in the file: its key, or the nearest thing around it that is there. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const found = find(document, path.slice(0, length));
    if (found !== undefined) return found.offset;
  }
  return 0;
}

interface Found {
  offset: number;
  value: Node | null;
}

function find(document: Document, path: readonly PropertyKey[]): Found | undefined {
  let node: Node | null = document.contents;
  let offset = 0;
  for (const part of path) {
    const step = stepInto(isAlias(node) ? (node.resolve(document) ?? null) : node, part);
    if (step === undefined) return undefined;
    ({ value: node, offset } = step);
  }
  return { offset, value: isScalar(node) && node.value === null ? null : node };
}

function stepInto(node: Node | null, part: PropertyKey): Found | undefined {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
    if (pair === undefined) return undefined;
    return { offset: offsetAt(pair.key), value: isNode(pair.value) ? pair.value : null };
  }
  if (!isSeq(node)) return undefined;
  const item = node.items[Number(part)];
  return isNode(item) ? { offset: offsetAt(item), value: item } : undefined;
}

function offsetAt(node: unknown): number {
  return (isNode(node) && node.range?.[0]) || 0;
}
