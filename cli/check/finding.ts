/** What `statigo check` can find, with what it means. */
export const findingKinds = {
  "broken-link": "a link to a page that is not there",
  "missing-asset": "an image, script, style sheet or the like that is not there",
  "broken-anchor": "a link to a part of a page that has none of that name",
  "wrong-case": "an address whose capital and small letters are not the file's",
  "bad-url": "an address that is none",
  "redirect-loop": "an address that leads from one redirect to the next without end",
  "relative-link": "a relative address in a page that answers any address, such as 404.html",
  "mixed-content": "something that a page over https would load over http: browsers refuse it",
  "duplicate-id": "an id that is there twice: links and scripts find the first only",
  "image-size": "an image above the limit",
  "not-found-page": "no page for addresses that are not there",
  rules: "a line of _headers or _redirects that can't be used",
  files: "a file that can't be served as it is",
} as const;

export type FindingKind = keyof typeof findingKinds;

export interface Finding {
  kind: FindingKind;
  /** Below the site's folder, without a slash at its beginning. */
  file: string;
  /** From 1; undefined where the whole file is meant. */
  line: number | undefined;
  /** From 1, in UTF-16 code units as editors count. */
  column: number | undefined;
  message: string;
}

/** An address in a file, and what for. */
export interface Reference {
  url: string;
  use: "link" | "asset" | "frame" | "form";
  /** Where it stands: an index into the file's text. */
  offset: number;
}
