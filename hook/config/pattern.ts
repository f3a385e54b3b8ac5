import { z } from "zod";

/** A field that holds a regular expression. */
export function patternField(description: string): z.ZodType<RegExp> {
  return z
    .string()
    .transform((source, context) => {
      try {
        return new RegExp(source);
      } catch (error) {
        // "Invalid regular expression: /(/: Unterminated group" says the pattern again, which the file shows anyway.
        const detail = /: ([^:]+)$/.exec((error as Error).message)?.[1] ?? "invalid";
        context.addIssue({ code: "custom", message: `not a regular expression (${detail.toLowerCase()})` });
        return z.NEVER;
      }
    })
    .describe(description);
}
