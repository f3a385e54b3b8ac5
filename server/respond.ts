/** Which reply a request gets: the one place where route, site, negotiation, preconditions and range meet. */
import { evaluatePreconditions, rangeApplies } from "./conditional.ts";
import type { Head } from "./head.ts";
import { formatHttpDate } from "./http-date.ts";
import { chooseCoding } from "./negotiate.ts";
import { resolveRange } from "./range.ts";
import { Reply, replyWithError, replyWithoutContent, replyWithText } from "./reply.ts";
import type { Representation } from "./representation.ts";
import { encodePath, type Route, routeTarget } from "./route.ts";
import type { Resource, Site } from "./site.ts";

const allow = "Allow: GET, HEAD\r\n";
const htmlType = "text/html; charset=utf-8";
/** statigo v8's page, for sites without one of their own. */
const notFoundPage =
  '<!doctype html><html lang="en"><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1><p><a href="/">Go to the homepage &raquo;</a></p></body></html>';

/** What was found for a request, before the preconditions: a reply that is ready, or a representation to reply with. */
export class Finding {
  readonly reply: Reply | null;
  readonly resource: Resource | null;
  readonly representation: Representation | null;
  /** 200, or 404 for the page that says so. */
  readonly status: number;
  constructor(
    reply: Reply | null,
    resource: Resource | null,
    representation: Representation | null,
    status: number,
  ) {
    this.reply = reply;
    this.resource = resource;
    this.representation = representation;
    this.status = status;
  }
}

function ready(reply: Reply): Finding {
  return new Finding(reply, null, null, reply.status);
}

/** The representation that Accept-Encoding asks for. The last choice is kept: a site's clients mostly say the same. */
export function chooseRepresentation(head: Head, resource: Resource): Representation {
  if (resource.variants.length === 0 || !head.hasAcceptEncoding) return resource.identity;
  if (resource.chosen !== null && resource.chosenFor === head.acceptEncoding) return resource.chosen;
  const names: string[] = [];
  const sizes: number[] = [];
  for (const variant of resource.variants) {
    names.push(variant.coding);
    sizes.push(variant.sizeBytes);
  }
  const index = chooseCoding(head.acceptEncoding, names, sizes, resource.identity.sizeBytes);
  const chosen = index < 0 ? resource.identity : (resource.variants[index] ?? resource.identity);
  resource.chosen = chosen;
  resource.chosenFor = head.acceptEncoding;
  return chosen;
}

function findNotFound(head: Head, site: Site, notFoundFilename: string, nowMs: number): Finding {
  const page = notFoundFilename === "" ? null : site.find(`/${notFoundFilename}`, nowMs);
  if (page === null) return ready(replyWithText(404, "", htmlType, notFoundPage));
  return new Finding(null, page, chooseRepresentation(head, page), 404);
}

/** 301 to the path with its slash. The path starts with exactly one slash, so it never names another host. */
function redirectToDirectory(route: Route): Reply {
  const reply = new Reply(301, `Location: ${encodePath(route.path)}/${route.query}\r\n`);
  reply.path = `${route.path}/`;
  return reply;
}

/** Finds what answers a request that was parsed without error. */
export function findAnswer(head: Head, site: Site, notFoundFilename: string, nowMs: number): Finding {
  if (head.method !== "GET" && head.method !== "HEAD") return ready(replyWithError(405, allow));
  const route = routeTarget(head.target);
  if (route.error === 400) return ready(replyWithError(400, ""));
  if (route.error === 0) {
    const resource = site.find(route.path, nowMs);
    if (resource !== null) return new Finding(null, resource, chooseRepresentation(head, resource), 200);
    if (!route.path.endsWith("/") && site.isDirectoryWithIndex(route.path, nowMs)) {
      return ready(redirectToDirectory(route));
    }
  }
  return findNotFound(head, site, notFoundFilename, nowMs);
}

function prepareFields(resource: Resource, representation: Representation): string {
  const coding = representation.coding === "" ? "" : `Content-Encoding: ${representation.coding}\r\n`;
  return `Content-Type: ${resource.type}\r\n${coding}${validatorFields(resource, representation)}Accept-Ranges: bytes\r\n`;
}

/** The fields that a 304 carries too (RFC 9110 15.4.5). */
function validatorFields(resource: Resource, representation: Representation): string {
  const vary = resource.variants.length === 0 ? "" : "Vary: Accept-Encoding\r\n";
  return `ETag: ${representation.etag}\r\nLast-Modified: ${formatHttpDate(representation.modifiedMs)}\r\n${vary}`;
}

function replyWithSource(
  status: number,
  fields: string,
  representation: Representation,
  start: number,
  length: number,
): Reply {
  const reply = new Reply(status, fields);
  reply.source = representation;
  reply.start = start;
  reply.length = length;
  return reply;
}

function replyWithNotFoundPage(resource: Resource, representation: Representation): Reply {
  const coding = representation.coding === "" ? "" : `Content-Encoding: ${representation.coding}\r\n`;
  const vary = resource.variants.length === 0 ? "" : "Vary: Accept-Encoding\r\n";
  const fields = `Content-Type: ${htmlType}\r\n${coding}${vary}`;
  return replyWithSource(404, fields, representation, 0, representation.sizeBytes);
}

/** Replies with a representation whose tag is known: preconditions first, then the range (RFC 9110 13.2.2). */
export function replyWithFile(
  head: Head,
  resource: Resource,
  representation: Representation,
  nowMs: number,
): Reply {
  const size = representation.sizeBytes;
  const etag = representation.etag;
  const modifiedMs = Math.floor(representation.modifiedMs / 1000) * 1000;
  const precondition = evaluatePreconditions(head, etag, modifiedMs, nowMs);
  if (precondition === 304) return replyWithoutContent(304, validatorFields(resource, representation));
  if (precondition === 412) return replyWithError(412, "");
  if (representation.fields === "") representation.fields = prepareFields(resource, representation);
  // Range is defined for GET alone (14.2).
  if (head.range !== "" && head.method === "GET" && rangeApplies(head, etag, modifiedMs, nowMs)) {
    const range = resolveRange(head.range, size);
    if (range.kind === "unsatisfiable") return replyWithError(416, `Content-Range: bytes */${size}\r\n`);
    if (range.kind === "slice") {
      const start = range.slice.start;
      const length = range.slice.length;
      const fields = `${representation.fields}Content-Range: bytes ${start}-${start + length - 1}/${size}\r\n`;
      return replyWithSource(206, fields, representation, start, length);
    }
  }
  return replyWithSource(200, representation.fields, representation, 0, size);
}

/** The reply for a finding whose representation is prepared. */
export function concludeAnswer(head: Head, finding: Finding, nowMs: number): Reply {
  const resource = finding.resource;
  const representation = finding.representation;
  if (finding.reply !== null) return finding.reply;
  if (resource === null || representation === null) return replyWithError(500, "");
  if (finding.status === 404) return replyWithNotFoundPage(resource, representation);
  const reply = replyWithFile(head, resource, representation, nowMs);
  reply.path = resource.path;
  return reply;
}
