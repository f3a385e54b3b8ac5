/** Names under which a path may be found: its own, an index, a page without its extension. */
import type { Options } from "../options/options.ts";

/**
 * The files that may answer a path, the first one there does. Where both contact.html and contact/index.html
 * are there, /contact is the former and /contact/ the latter, as on Cloudflare Pages.
 */
export function candidates(path: string, options: Options): string[] {
  const policy = options.trailingSlash;
  if (path.endsWith("/")) {
    const index = `${path}${options.indexFilename}`;
    if (path === "/" || policy === "auto") return [index];
    return policy === "always" ? [index, `${path.slice(0, path.length - 1)}.html`] : [];
  }
  if (policy === "always") return [path];
  if (policy === "auto") return [path, `${path}.html`];
  return [path, `${path}.html`, `${path}/${options.indexFilename}`];
}
