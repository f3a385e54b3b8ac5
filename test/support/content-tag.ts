/** The entity tag that the server gives to content. */
import { ContentHash } from "../../server/content-hash.ts";
import { mixContent } from "../../server/node-hash.ts";

export function tagOf(...slices: readonly Buffer[]): string {
  const hash = new ContentHash(mixContent);
  for (const slice of slices) hash.update(slice, slice.length);
  return hash.tag();
}
