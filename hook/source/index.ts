import type { z } from "zod";
import type { Fields } from "../config/fields.ts";
import { azure } from "./azure.ts";
import { cloudEvents } from "./cloudevents.ts";
import { distribution } from "./distribution.ts";
import { dockerHub } from "./docker-hub.ts";
import { ecr } from "./ecr.ts";
import { gitea } from "./gitea.ts";
import { github } from "./github.ts";
import { gitlab } from "./gitlab.ts";
import { googleArtifactRegistry } from "./google-artifact-registry.ts";
import { harbor } from "./harbor.ts";
import { plain } from "./plain.ts";
import { quay } from "./quay.ts";
import { settingSchema, type WebhookSetting } from "./setting.ts";
import type { ReceivedWebhook, Source, WebhookRequest } from "./source.ts";
import { standardWebhooks } from "./standard-webhooks.ts";

/**
 * Every sender the hook understands, in the order in which they are tried: first those that are known by headers of
 * their own, then those that are known by what is in the body, the least particular last.
 */
export const sources: readonly Source[] = [
  gitea,
  github,
  gitlab,
  standardWebhooks,
  cloudEvents,
  distribution,
  googleArtifactRegistry,
  // Known by their bodies from here on.
  dockerHub,
  harbor,
  quay,
  ecr,
  azure,
  plain,
];

/** `services.<name>.webhook` of the config. */
export function webhookSchema(fields: Fields): z.ZodType<WebhookSetting> {
  return settingSchema(
    fields,
    sources.map(({ name }) => name),
  );
}

/** The sender of a webhook: the one that the config fixes, else the first that recognises it. */
export function findSource(request: WebhookRequest, { source: fixed }: WebhookSetting): Source | undefined {
  if (fixed !== undefined) return sources.find(({ name }) => name === fixed);
  return sources.find((source) => source.recognises(request));
}

const cloudEventSources = new Set([cloudEvents.name, harbor.name, googleArtifactRegistry.name]);

/** Whether a service understands CloudEvents: when any sender will do, or one that sends such. */
export function takesCloudEvents({ source }: WebhookSetting): boolean {
  return source === undefined || cloudEventSources.has(source);
}

/** The sender that can verify a webhook whose body nobody has parsed yet. */
export function findVerifier(
  received: ReceivedWebhook,
  { source: fixed }: WebhookSetting,
): Source | undefined {
  if (fixed !== undefined) return sources.find(({ name }) => name === fixed);
  const request = { ...received, body: undefined };
  return sources.find((source) => source.verify !== undefined && source.recognises(request));
}
