/** Preconditions (RFC 9110 13), evaluated in the order of 13.2.2. */
import type { Head } from "./head/head.ts";
import { parseHttpDate } from "./http-date.ts";
import { trimSpace } from "./text.ts";

/** Opaque part of an entity tag, without `W/`. */
function opaque(tag: string): string {
  return tag.startsWith("W/") ? tag.slice(2) : tag;
}

/**
 * Whether a list of entity tags (or `*`) holds `etag`. A comma inside quotes belongs to the tag.
 * @param strong RFC 9110 8.8.3.2: weak tags never match strongly
 */
export function tagListMatches(list: string, etag: string, strong: boolean): boolean {
  // What a browser sends: the one tag that it has.
  if (list === etag) return !strong || !etag.startsWith("W/");
  if (trimSpace(list) === "*") return true;
  let start = 0;
  let quoted = false;
  for (let i = 0; i <= list.length; i++) {
    const atEnd = i === list.length;
    const code = atEnd ? 44 : list.charCodeAt(i);
    if (code === 34) quoted = !quoted;
    if (!atEnd && (code !== 44 || quoted)) continue;
    const tag = trimSpace(list.slice(start, i));
    start = i + 1;
    if (strong) {
      if (tag === etag && !tag.startsWith("W/")) return true;
    } else if (opaque(tag) === opaque(etag)) return true;
  }
  return false;
}

/**
 * Whether a request can't be answered before the tag is known: with a precondition the client may save itself the whole
 * content, with If-Range the half that it has, and the boundary of several ranges is made of the tag.
 */
export function needsTag(head: Head): boolean {
  if (!head.isConditional) return false;
  const validators = `${head.ifMatch}${head.ifNoneMatch}${head.ifRange}`;
  return `${validators}${head.ifModifiedSince}${head.ifUnmodifiedSince}` !== "" || head.range.includes(",");
}

/**
 * The status that the preconditions give: 0 to go on, 304 or 412.
 * @param lastModifiedMs of the representation, whole seconds
 */
export function evaluatePreconditions(
  head: Head,
  etag: string,
  lastModifiedMs: number,
  nowMs: number,
): number {
  if (head.ifMatch !== "") {
    if (!tagListMatches(head.ifMatch, etag, true)) return 412;
  } else if (head.ifUnmodifiedSince !== "") {
    const since = parseHttpDate(head.ifUnmodifiedSince, nowMs);
    if (since >= 0 && lastModifiedMs > since) return 412;
  }
  if (head.ifNoneMatch !== "") {
    if (tagListMatches(head.ifNoneMatch, etag, false)) return 304;
  } else if (head.ifModifiedSince !== "") {
    const since = parseHttpDate(head.ifModifiedSince, nowMs);
    if (since >= 0 && lastModifiedMs <= since) return 304;
  }
  return 0;
}

/**
 * Whether Range still applies under If-Range (13.1.5): a strong tag that is equal, or exactly the date of last
 * modification, and that at least a second old (8.8.2.2), since within a second a file can change twice.
 */
export function rangeApplies(head: Head, etag: string, lastModifiedMs: number, nowMs: number): boolean {
  const validator = head.ifRange;
  if (validator === "") return true;
  if (validator.startsWith('"') || validator.startsWith("W/"))
    return validator === etag && !etag.startsWith("W/");
  return parseHttpDate(validator, nowMs) === lastModifiedMs && nowMs - lastModifiedMs > 1000;
}
