/** What an address in a page is, before it is asked whether something is there. */
export type Address = { isRelative: boolean; isInsecure: boolean } & (
  | { kind: "internal"; path: string; fragment: string }
  /** Of another host, or of no host at all, such as `mailto:`. */
  | { kind: "external" }
  /** The page itself, which is no image. */
  | { kind: "empty" }
  | { kind: "bad" }
);

/** @param base the page's own address @param host of the site */
export function readAddress(text: string, base: URL, host: string): Address {
  const url = text.trim();
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  const isRelative = scheme === undefined && !/^[/\\#?]/.test(url) && url !== "";
  const plain = { isRelative, isInsecure: false };
  if (url === "") return { kind: "empty", ...plain };
  if (scheme !== undefined && scheme !== "http" && scheme !== "https") return { kind: "external", ...plain };
  const parsed = URL.parse(url, base);
  if (parsed === null) return { kind: "bad", ...plain };
  if (parsed.host !== host) return { kind: "external", isRelative, isInsecure: parsed.protocol === "http:" };
  const isInsecure = scheme === "http";
  return {
    kind: "internal",
    isRelative,
    isInsecure,
    path: parsed.pathname,
    fragment: fragmentOf(parsed.hash),
  };
}

/** "" for what names no part of the page: its top, a text to be found, a route of its script. */
function fragmentOf(hash: string): string {
  const fragment = hash.slice(1).replace(/:~:.*$/, "");
  return fragment.toLowerCase() === "top" || /^[/!]/.test(fragment) ? "" : fragment;
}
