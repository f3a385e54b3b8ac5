import { z } from "zod";

/** `services.<name>.webhook.oidc`: whose tokens a Pub/Sub push brings. */
export interface OidcSetting {
  /** What the subscription has as its audience; its push endpoint's URL when it has none. */
  audience: string;
  /** The service account that the subscription pushes as. */
  email: string;
  /** Who signs the tokens; any of these. */
  issuers: readonly string[];
  /** Where the issuer's public keys are. */
  jwksUrl: URL;
}

/** Google's discovery document names the first; its older tokens have the second. */
export const googleIssuers = ["https://accounts.google.com", "accounts.google.com"];
export const googleKeysUrl = "https://www.googleapis.com/oauth2/v3/certs";

const jwksField = z
  .string()
  .default(googleKeysUrl)
  .transform((text, context) => {
    const url = URL.parse(text);
    if (url !== null && isTrustworthy(url)) return url;
    context.addIssue({ code: "custom", message: "must be an https URL; http is for this machine itself" });
    return z.NEVER;
  })
  .describe("where the issuer's keys are, a JSON Web Key Set");

/** Whoever can change the keys on their way can sign anything. */
function isTrustworthy({ protocol, hostname }: URL): boolean {
  return (
    protocol === "https:" || (protocol === "http:" && /^(?:127\.0\.0\.1|\[::1\]|localhost)$/.test(hostname))
  );
}

export const oidcSchema: z.ZodType<OidcSetting> = z
  .strictObject({
    audience: z.string().min(1, "is empty").describe("the subscription's audience"),
    email: z.email("must be the address of a service account").describe("who the subscription pushes as"),
    issuer: z.string().min(1, "is empty").optional().describe("who signs the tokens; Google when left out"),
    jwksUrl: jwksField,
  })
  .transform(({ audience, email, issuer, jwksUrl }) => ({
    audience,
    email,
    issuers: issuer === undefined ? googleIssuers : [issuer],
    jwksUrl,
  }));
