import type { SecretKind } from "../arguments.ts";
import { newSecret, newSigningKey } from "./secret.ts";
import { hashSecret } from "./secret-hash.ts";

/** A line to paste where the secret is used, and one for a config that need not know it. */
export function describeNewSecret(kind: SecretKind, withHash: boolean): string[] {
  const secret = kind === "signing" ? newSigningKey() : newSecret();
  return withHash ? [secret, `{ sha256: "${hashSecret(secret).toString("hex")}" }`] : [secret];
}
