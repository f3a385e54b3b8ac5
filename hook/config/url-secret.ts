import { z } from "zod";
import { isJsonObject } from "../json.ts";
import { hashSecret, readHash, type SecretHash } from "../secret/secret-hash.ts";
import type { Fields, SecretRule } from "./fields.ts";
import { asSecret } from "./schema-walk.ts";

const maximumSecrets = 2;

/**
 * The secret at the end of a service's webhook URL: one, or two for the time in which the sender is changed from one
 * to the other. Each as any secret may be written, or as `{ sha256: <hex> }`, so that the config need not know it.
 */
export function urlSecretsSchema(fields: Fields, rule: SecretRule) {
  const description = "the last part of this service's webhook URL";
  const plain = fields.secret(description, rule);
  return asSecret(z.unknown())
    .transform((value, context): SecretHash[] => {
      if (!Array.isArray(value)) return readOne(plain, value, [], context);
      if (value.length === 0 || value.length > maximumSecrets) {
        context.addIssue({
          code: "custom",
          message: "takes one secret, or a list of two: the new and the old",
        });
      }
      return value.flatMap((one, index) => readOne(plain, one, [index], context));
    })
    .describe(description);
}

/** One secret, or its hash in the same form, for what is presented to the hook and never sent by it. */
export function hashedSecretSchema(fields: Fields, description: string, rule: SecretRule) {
  const plain = fields.secret(description, rule);
  return asSecret(z.unknown())
    .transform((value, context): SecretHash => readOne(plain, value, [], context)[0] ?? z.NEVER)
    .describe(description);
}

function readOne(
  plain: z.ZodType<string>,
  value: unknown,
  path: PropertyKey[],
  context: z.core.$RefinementCtx,
): SecretHash[] {
  const report = (message: string) => context.addIssue({ code: "custom", path, message });
  if (isJsonObject(value) && "sha256" in value) {
    const hash = Object.keys(value).length === 1 ? readHash(value["sha256"]) : undefined;
    if (hash !== undefined) return [hash];
    report("sha256 must have the 64 hexadecimal digits of a secret's SHA-256 and nothing beside it");
    return [];
  }
  const parsed = plain.safeParse(value);
  for (const { message } of parsed.error?.issues ?? []) report(message);
  return parsed.success ? [hashSecret(parsed.data)] : [];
}
