import { dockerHub } from "./docker-hub.ts";
import type { Source, WebhookRequest } from "./source.ts";

/** Every sender the hook understands, in the order in which they are tried. */
export const sources: readonly Source[] = [dockerHub];

export function findSource(request: WebhookRequest): Source | undefined {
  return sources.find((source) => source.recognises(request));
}
