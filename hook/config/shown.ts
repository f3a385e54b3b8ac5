import { stringify } from "yaml";
import type { z } from "zod";
import { isJsonObject } from "../json.ts";
import { isSecretSchema, schemaAt } from "./schema-walk.ts";

/** What stands for a secret. */
export const mask = "••••••••";

/**
 * The services as the file has them, in YAML, for people who may not see its secrets: a text where a secret belongs is
 * masked, a reference to one (`${NAME}`, `{ env }`, `{ file }`) is shown. What the schema does not know is masked too.
 */
export function showServices(written: unknown, schema: z.core.$ZodType): ReadonlyMap<string, string> {
  const services = isJsonObject(written) && isJsonObject(written["services"]) ? written["services"] : {};
  return new Map(
    Object.entries(services).map(([name, service]) => [
      name,
      stringify({ [name]: show(service, ["services", name], schema) }, { lineWidth: 100 }),
    ]),
  );
}

function show(value: unknown, path: readonly PropertyKey[], schema: z.core.$ZodType): unknown {
  const known = schemaAt(schema, path);
  if (known === undefined || isSecretSchema(known) || isVariable(path)) return maskSecret(value);
  if (Array.isArray(value)) return value.map((one, index) => show(one, [...path, index], schema));
  if (isJsonObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, show(inner, [...path, key], schema)]),
    );
  }
  return typeof value === "string" ? maskUrl(value) : value;
}

/** A program's environment is where its secrets are. */
function isVariable(path: readonly PropertyKey[]): boolean {
  return path.at(-2) === "environment" || path.at(-2) === "env";
}

function maskSecret(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskSecret);
  if (isJsonObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        key === "env" || key === "file" ? inner : maskSecret(inner),
      ]),
    );
  }
  if (typeof value === "string") return /^\$\{\w+\}$/.test(value) ? value : mask;
  return value === null || typeof value === "boolean" ? value : mask;
}

/** Whoever wrote a password or a token into an address did not mean to show it. */
function maskUrl(text: string): string {
  return text.replace(/^(\w+:\/\/)[^/@\s]+@/, `$1${mask}@`).replace(/(\?)[^#\s]*=[^#\s]*/, `$1${mask}`);
}
