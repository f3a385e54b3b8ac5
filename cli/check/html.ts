import { Parser } from "htmlparser2";
import { findCssReferences } from "./css.ts";
import type { Reference } from "./finding.ts";
import { splitSrcset } from "./srcset.ts";

export interface ScannedPage {
  references: Reference[];
  /** What a fragment can name: ids, and names of `<a>`. */
  anchors: Set<string>;
  /** Ids that were there before. */
  duplicates: { id: string; offset: number }[];
  /** Of `<base>`; undefined without one. */
  base: string | undefined;
}

interface Attribute {
  value: string;
  /** Of its name. */
  offset: number;
}

type Attributes = Map<string, Attribute>;

const assetRelations =
  /\b(stylesheet|icon|apple-touch-icon|mask-icon|manifest|preload|modulepreload|prefetch)\b/i;
const ignoredRelations = /\b(preconnect|dns-prefetch|pingback|webmention|me|profile)\b/i;

/** Where addresses stand: the attributes of an element, with their use. `link` is decided by its relation. */
const places: Readonly<Record<string, Readonly<Record<string, Reference["use"]>>>> = {
  a: { href: "link" },
  area: { href: "link" },
  audio: { src: "asset" },
  embed: { src: "asset" },
  form: { action: "form" },
  frame: { src: "frame" },
  iframe: { src: "frame" },
  image: { href: "asset", "xlink:href": "asset" },
  img: { src: "asset" },
  input: { src: "asset" },
  object: { data: "asset" },
  script: { src: "asset" },
  source: { src: "asset" },
  track: { src: "asset" },
  use: { href: "asset", "xlink:href": "asset" },
  video: { src: "asset", poster: "asset" },
};

/** Finds the addresses and anchors of a page. @param isXml for SVG, where nothing but the file's own elements counts */
export function scanPage(text: string, isXml = false): ScannedPage {
  const page: ScannedPage = { references: [], anchors: new Set(), duplicates: [], base: undefined };
  let attributes: Attributes = new Map();
  let templateDepth = 0;
  let style: { offset: number; text: string } | undefined;
  const parser = new Parser(
    {
      onopentagname() {
        attributes = new Map();
      },
      onattribute(name, value) {
        if (!attributes.has(name)) attributes.set(name, { value, offset: parser.startIndex });
      },
      onopentag(name) {
        if (name === "template") templateDepth++;
        // What is in a template is not in the page yet.
        if (templateDepth === 0) noteAnchors(page, name, attributes);
        if (name === "base" && page.base === undefined) page.base = attributes.get("href")?.value;
        page.references.push(...findReferences(name, attributes));
        if (name === "style") style = { offset: parser.endIndex + 1, text: "" };
      },
      ontext(data) {
        if (style !== undefined) style.text += data;
      },
      onclosetag(name) {
        if (name === "template") templateDepth--;
        if (name !== "style" || style === undefined) return;
        page.references.push(...findCssReferences(style.text, style.offset));
        style = undefined;
      },
    },
    { xmlMode: isXml, decodeEntities: true },
  );
  parser.end(text);
  return page;
}

function noteAnchors({ anchors, duplicates }: ScannedPage, name: string, attributes: Attributes): void {
  const id = attributes.get("id");
  if (id !== undefined && id.value !== "") {
    if (anchors.has(id.value)) duplicates.push({ id: id.value, offset: id.offset });
    anchors.add(id.value);
  }
  const named = name === "a" ? attributes.get("name") : undefined;
  if (named !== undefined) anchors.add(named.value);
}

function findReferences(name: string, attributes: Attributes): Reference[] {
  const found: Reference[] = [];
  const uses = name === "link" ? usesOfLink(attributes) : places[name];
  for (const [attribute, use] of Object.entries(uses ?? {})) {
    const given = attributes.get(attribute);
    if (given !== undefined) found.push({ url: given.value, use, offset: given.offset });
  }
  for (const list of ["srcset", "imagesrcset"]) {
    const given = attributes.get(list);
    if (given === undefined) continue;
    for (const { url } of splitSrcset(given.value)) found.push({ url, use: "asset", offset: given.offset });
  }
  const style = attributes.get("style");
  if (style !== undefined) {
    // Escapes may have moved what stands in it, so all of it is at its beginning.
    for (const { url } of findCssReferences(style.value))
      found.push({ url, use: "asset", offset: style.offset });
  }
  const refreshed = name === "meta" ? refreshTarget(attributes) : undefined;
  if (refreshed !== undefined) found.push(refreshed);
  return found;
}

function usesOfLink(attributes: Attributes): Readonly<Record<string, Reference["use"]>> {
  const relation = attributes.get("rel")?.value ?? "";
  if (ignoredRelations.test(relation)) return {};
  return { href: assetRelations.test(relation) ? "asset" : "link" };
}

/** `<meta http-equiv="refresh" content="0; url=…">` */
function refreshTarget(attributes: Attributes): Reference | undefined {
  if (attributes.get("http-equiv")?.value.toLowerCase() !== "refresh") return undefined;
  const content = attributes.get("content");
  const url = /^\s*[\d.]*\s*[;,]\s*(?:url\s*=\s*)?["']?([^"']+)/i.exec(content?.value ?? "")?.[1];
  return content === undefined || url === undefined
    ? undefined
    : { url, use: "link", offset: content.offset };
}
