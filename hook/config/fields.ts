import { resolve } from "node:path";
import { z } from "zod";
import { parseDuration } from "./duration.ts";
import { asSecret } from "./schema-walk.ts";
import { resolveSecret, type SecretScope } from "./secret.ts";
import { parseTemplate, type Template } from "./template.ts";

/** Building blocks for the config's schema that need to know the environment and the config's directory. */
export interface Fields {
  secret(description: string, rule?: SecretRule): z.ZodType<string>;
  duration(description: string, range: DurationRange): z.ZodDefault<z.ZodType<number, string>>;
  /** A path relative to the config file, made absolute. */
  path(description: string): z.ZodType<string>;
  /**
   * A text with `${name}`s of a fixed list, filled in when it is used. The environment's variables are not put into
   * it: that would take its placeholders for theirs.
   */
  template(description: string, names: readonly string[]): z.ZodType<Template>;
}

/** Why a secret will not do, or `undefined` when it will. */
export type SecretRule = (secret: string) => string | undefined;

export interface DurationRange {
  default: string;
  minimum: string;
  maximum: string;
}

export function createFields(scope: SecretScope): Fields {
  return {
    secret: (description, rule) => secretField(scope, rule).describe(description),
    duration: (description, range) => durationField(range).describe(description),
    path: (description) =>
      z
        .string()
        .min(1, "is empty")
        .transform((path) => resolve(scope.directory, path))
        .describe(description),
    template: templateField,
  };
}

function templateField(description: string, names: readonly string[]) {
  return z
    .string()
    .meta({ isTemplate: true })
    .transform((text, context) => {
      const parsed = parseTemplate(text, names);
      if ("template" in parsed) return parsed.template;
      for (const message of parsed.problems) context.addIssue({ code: "custom", message });
      return z.NEVER;
    })
    .describe(description);
}

function secretField(scope: SecretScope, rule: SecretRule = () => undefined) {
  return asSecret(z.unknown()).transform((value, context) => {
    const result = resolveSecret(value, scope);
    const problem = "problem" in result ? result.problem : rule(result.secret);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
    return "secret" in result ? result.secret : z.NEVER;
  });
}

function durationField({ default: fallback, minimum, maximum }: DurationRange) {
  const [fallbackMs, minimumMs, maximumMs] = [fallback, minimum, maximum].map(durationOf);
  return z
    .string("must be a duration with its unit, such as 30s or 5m")
    .transform((text, context) => {
      const durationMs = parseDuration(text);
      if (durationMs === undefined) {
        context.addIssue({
          code: "custom",
          message: "not a duration; write it with its unit, such as 30s or 5m",
        });
        return z.NEVER;
      }
      if (durationMs < (minimumMs ?? 0) || durationMs > (maximumMs ?? 0)) {
        context.addIssue({ code: "custom", message: `must be between ${minimum} and ${maximum}` });
      }
      return durationMs;
    })
    .default(fallbackMs ?? 0);
}

function durationOf(text: string): number {
  const durationMs = parseDuration(text);
  if (durationMs === undefined) throw new Error(`not a duration: ${text}`);
  return durationMs;
}
