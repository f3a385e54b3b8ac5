import { z } from "zod";
import type { Fields, SecretRule } from "../config/fields.ts";
import { parseSigningKey } from "../secret/standard-webhooks.ts";
import { type GitlabSetting, gitlabSchema } from "./gitlab-setting.ts";
import { type OidcSetting, oidcSchema } from "./oidc-setting.ts";

/** What a service's config says about its webhooks: `services.<name>.webhook`. */
export interface WebhookSetting {
  /** The only sender to take webhooks from; any known one when left out. */
  source?: string;
  /**
   * What signatures are made with, or the tokens that senders bring: several for the time of a change. With any, a
   * webhook that is not signed with one of them is refused.
   */
  signing: readonly string[];
  gitlab?: GitlabSetting;
  /** Only for `google-artifact-registry`, which it fixes as the source. */
  oidc?: OidcSetting;
  /** Whether Docker Hub is told at its `callback_url` what became of a push. */
  callback?: true;
}

/** Nothing said: any sender, by its URL's secret alone. */
export const defaultSetting: WebhookSetting = { signing: [] };

/** Whether a webhook has to prove more than that it knows the URL. */
export function needsVerifying({ signing, oidc }: WebhookSetting): boolean {
  return signing.length > 0 || oidc !== undefined;
}

export function settingSchema(fields: Fields, sourceNames: readonly string[]): z.ZodType<WebhookSetting> {
  const key = fields.secret("what the sender signs with, or the token that it brings", isKey);
  return z
    .strictObject({
      source: z
        .enum(sourceNames)
        .optional()
        .describe(`the only sender to take webhooks from, one of ${sourceNames.join(", ")}`),
      signing: z
        .array(key)
        .min(1, "needs at least one key")
        .max(2, "takes two keys at most: the old one and the new one")
        .optional()
        .describe("one key, or two while the sender is being changed from one to the other"),
      gitlab: gitlabSchema.optional().describe("which of GitLab's events deploy"),
      oidc: oidcSchema.optional().describe("whose tokens Google's Pub/Sub brings: { audience, email }"),
      callback: z.boolean().default(false).describe("whether Docker Hub's callback_url is answered"),
    })
    .refine(
      ({ source = oidcSource, oidc }) => oidc === undefined || source === oidcSource,
      `\`oidc\` is for the source ${oidcSource} only`,
    )
    .refine(
      ({ source, signing, oidc }) => signing === undefined || (source !== oidcSource && oidc === undefined),
      `Pub/Sub does not sign with \`signing\`; use \`oidc: { audience, email }\``,
    )
    .refine(
      ({ source = dockerHubSource, callback }) => !callback || source === dockerHubSource,
      `\`callback\` is for the source ${dockerHubSource} only`,
    )
    .transform(({ source, signing, gitlab, oidc, callback }) => ({
      ...(source !== undefined && { source }),
      signing: signing ?? [],
      ...(gitlab !== undefined && { gitlab }),
      ...(oidc !== undefined && { oidc, source: oidcSource }),
      ...(callback && { callback }),
    }));
}

/** The one sender that wants to be told of outcomes. */
const dockerHubSource = "docker-hub";
/** The one sender that brings OpenID Connect tokens. */
const oidcSource = "google-artifact-registry";

const isKey: SecretRule = (key) => {
  // The Standard Webhooks specification: between 24 and 64 bytes.
  if (key.startsWith("whsec_") && parseSigningKey(key) === undefined)
    return "whsec_ must be followed by 24 to 64 bytes in base64";
  if (key.length < 16) return `has ${key.length} characters; a key needs at least 16`;
  return key.length > 256 ? "is longer than 256 characters" : undefined;
};
