/** Which reply a request gets: the one place where route, site, negotiation, preconditions and range meet. */
import { evaluatePreconditions, rangeApplies } from "./conditional.ts";
import type { FileFields } from "./file-fields.ts";
import type { Head } from "./head/head.ts";
import { formatHttpDate } from "./http-date.ts";
import { notKept } from "./kept.ts";
import { Multipart } from "./multipart.ts";
import { chooseCoding } from "./negotiate.ts";
import { resolveRange } from "./range.ts";
import { pathOf, type RedirectOutcome } from "./redirects-file.ts";
import { Reply, replyWithError, replyWithoutContent, replyWithText } from "./reply.ts";
import type { Representation } from "./representation.ts";
import { encodePath, routeTarget } from "./route.ts";
import { noVariants, type Resource } from "./site/resource.ts";
import type { Site } from "./site/site.ts";

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
  /** Where the request's path is not the resource's own. */
  fields: FileFields | null = null;
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
  const variants = resource.variants;
  if (variants === noVariants || !head.hasAcceptEncoding) return resource.identity;
  if (variants.chosenFor === head.acceptEncoding) return variants.chosen;
  const names: string[] = [];
  const sizes: number[] = [];
  for (const variant of variants.representations) {
    names.push(variant.coding);
    sizes.push(variant.sizeBytes);
  }
  const index = chooseCoding(head.acceptEncoding, names, sizes, resource.identity.sizeBytes);
  variants.chosen = resource.identity;
  // biome-ignore lint/style/noNonNullAssertion: natively anything else makes an object of it, and of all it flows into
  if (index >= 0) variants.chosen = variants.representations[index]!;
  variants.chosenFor = head.acceptEncoding;
  return variants.chosen;
}

/** A file that answers a path which is not its own. */
function standIn(head: Head, site: Site, path: string, resource: Resource, status: number): Finding {
  const finding = new Finding(null, resource, chooseRepresentation(head, resource), status);
  finding.fields = site.describe(path, resource, status);
  return finding;
}

function findNotFound(head: Head, site: Site, path: string, nowMs: number): Finding {
  const page = site.findNotFoundPage(path, nowMs);
  if (page === null) return ready(replyWithText(404, "", htmlType, notFoundPage));
  return standIn(head, site, path, page, 404);
}

/** The answer that `_redirects` asks for. */
function followRule(
  head: Head,
  site: Site,
  path: string,
  query: string,
  outcome: RedirectOutcome,
  nowMs: number,
): Finding {
  if (!outcome.isRewrite())
    return ready(new Reply(outcome.status, `Location: ${outcome.withQuery(query)}\r\n`));
  const route = routeTarget(pathOf(outcome.location));
  const resource = route.error === 0 ? site.find(route.path, nowMs) : null;
  if (resource === null) return findNotFound(head, site, path, nowMs);
  return standIn(head, site, path, resource, outcome.status);
}

/** Whether a path may be a view of an application: a missing script must not be answered with a page. */
function isView(path: string): boolean {
  const end = path.endsWith("/") ? path.length - 1 : path.length;
  // What asks for a well-known address takes any 200 for its presence (RFC 8615).
  if (path.startsWith("/.well-known/")) return false;
  return !path.slice(path.lastIndexOf("/", end - 1) + 1, end).includes(".");
}

/** 301 to the form of the path with, or without, its slash. It starts with exactly one, so it never names another host. */
function redirectToForm(path: string, query: string): Finding {
  const reply = new Reply(301, `Location: ${encodePath(path)}${query}\r\n`);
  reply.path = path;
  return ready(reply);
}

/** Finds what answers a request that was parsed without error. */
export function findAnswer(head: Head, site: Site, nowMs: number): Finding {
  if (head.method !== "GET" && head.method !== "HEAD") return ready(replyWithError(405, allow));
  const route = routeTarget(head.target);
  const path = route.path;
  if (route.error === 400) return ready(replyWithError(400, ""));
  if (route.error !== 0) return findNotFound(head, site, "/", nowMs);
  const resource = site.find(path, nowMs);
  const outcome = resource === null ? site.redirect(path) : resource.forced;
  if (resource !== null && outcome.status === 0)
    return new Finding(null, resource, chooseRepresentation(head, resource), 200);
  const form = outcome.isForced ? "" : site.otherForm(path, nowMs);
  if (form !== "") return redirectToForm(form, route.query);
  if (outcome.status !== 0) return followRule(head, site, path, route.query, outcome, nowMs);
  const index = site.options.isSinglePage && isView(path) ? site.find("/", nowMs) : null;
  return index === null ? findNotFound(head, site, path, nowMs) : standIn(head, site, path, index, 200);
}

function varyField(resource: Resource, fields: FileFields): string {
  const own = resource.variants === noVariants ? "" : "Accept-Encoding";
  const both = own !== "" && fields.vary !== "" ? `${own}, ${fields.vary}` : `${own}${fields.vary}`;
  return both === "" ? "" : `Vary: ${both}\r\n`;
}

function contentFields(representation: Representation, fields: FileFields): string {
  const type = fields.type === "" ? "" : `Content-Type: ${fields.type}\r\n`;
  const coding = representation.coding === "" ? "" : `Content-Encoding: ${representation.coding}\r\n`;
  return `${type}${coding}`;
}

/** The fields that a 304 carries too (RFC 9110 15.4.5). */
function validatorFields(resource: Resource, representation: Representation, fields: FileFields): string {
  const kept = representation.kept;
  const isOwn = fields === resource.fields && kept !== notKept;
  if (isOwn && kept.validators !== "") return kept.validators;
  const others = `${varyField(resource, fields)}${fields.text}`;
  // Of a big file, whose tag is being made. A date alone would match another build with equal dates the next time.
  if (representation.etag === "") return others;
  const modified = formatHttpDate(representation.modifiedMs);
  // Joined: natively a text from a template keeps room for half as much again.
  const text = ["ETag: ", representation.etag, "\r\nLast-Modified: ", modified, "\r\n", others].join("");
  if (isOwn) kept.validators = text;
  return text;
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

/** The fields of a 200; those of a path's own file are made once where it is kept. */
function prepareFields(resource: Resource, representation: Representation, fields: FileFields): string {
  const kept = representation.kept;
  const isOwn = fields === resource.fields && kept !== notKept;
  if (isOwn && kept.fields !== "") return kept.fields;
  const validators = validatorFields(resource, representation, fields);
  const text = [contentFields(representation, fields), validators, "Accept-Ranges: bytes\r\n"].join("");
  if (isOwn) kept.fields = text;
  return text;
}

function replyWithNotFoundPage(
  resource: Resource,
  representation: Representation,
  fields: FileFields,
): Reply {
  const text = `${contentFields(representation, fields)}${varyField(resource, fields)}${fields.text}`;
  return replyWithSource(404, text, representation, 0, representation.sizeBytes);
}

/** The reply of a kept file to a GET without conditions, or with the tag that the file has; 404 as the page for that. */
export function replyWithKept(resource: Resource, representation: Representation, status: number): Reply {
  const fields = resource.fields;
  if (status === 304) return replyWithoutContent(304, validatorFields(resource, representation, fields));
  if (status === 404) return replyWithNotFoundPage(resource, representation, resource.notFoundFields);
  const text = prepareFields(resource, representation, fields);
  return replyWithSource(200, text, representation, 0, representation.sizeBytes);
}

/**
 * Replies with a representation whose tag is known or not needed: preconditions first, then the range (RFC 9110 13.2.2).
 * @param ownFields where the resource stands in for another path
 */
export function replyWithFile(
  head: Head,
  resource: Resource,
  representation: Representation,
  nowMs: number,
  ownFields: FileFields | null,
): Reply {
  const size = representation.sizeBytes;
  const etag = representation.etag;
  const modifiedMs = Math.floor(representation.modifiedMs / 1000) * 1000;
  const precondition = evaluatePreconditions(head, etag, modifiedMs, nowMs);
  const fields = ownFields ?? resource.fields;
  if (precondition === 304)
    return replyWithoutContent(304, validatorFields(resource, representation, fields));
  if (precondition === 412) return replyWithError(412, "");
  const text = prepareFields(resource, representation, fields);
  // Range is defined for GET alone (14.2).
  if (head.range !== "" && head.method === "GET" && rangeApplies(head, etag, modifiedMs, nowMs)) {
    const range = resolveRange(head.range, size);
    if (range.kind === "unsatisfiable") return replyWithError(416, `Content-Range: bytes */${size}\r\n`);
    if (range.kind === "slices" && range.starts.length === 1) {
      const contentRange = `Content-Range: ${range.contentRange(0, size)}\r\n`;
      return replyWithSource(
        206,
        `${text}${contentRange}`,
        representation,
        range.startAt(0),
        range.lengthAt(0),
      );
    }
    // The parts of a coded file can't be told from a coded multipart: such is sent whole.
    if (range.kind === "slices" && representation.coding === "" && fields.type !== "") {
      const multipart = new Multipart(range, etag, fields.type, size);
      const type = `Content-Type: multipart/byteranges; boundary=${multipart.boundary}\r\n`;
      const validators = validatorFields(resource, representation, fields);
      const reply = replyWithSource(206, `${type}${validators}`, representation, 0, multipart.length());
      reply.multipart = multipart;
      return reply;
    }
  }
  return replyWithSource(200, text, representation, 0, size);
}

/** The reply for a finding whose representation is prepared. */
export function concludeAnswer(head: Head, finding: Finding, nowMs: number): Reply {
  const resource = finding.resource;
  const representation = finding.representation;
  if (finding.reply !== null) return finding.reply;
  if (resource === null || representation === null) return replyWithError(500, "");
  if (finding.status === 404)
    return replyWithNotFoundPage(resource, representation, finding.fields ?? resource.fields);
  const reply = replyWithFile(head, resource, representation, nowMs, finding.fields);
  reply.path = resource.path;
  return reply;
}
