/** GitHub's own parser of workflow files, with its schema and its expressions. */
import { registerHooks } from "node:module";
import type * as Parser from "@actions/workflow-parser";

// The package imports its schemas as bundlers take them, without saying that they are JSON.
registerHooks({
  load: (url, context, next) => {
    const isSchema = url.includes("/@actions/workflow-parser/") && url.endsWith(".json");
    return next(url, isSchema ? { ...context, importAttributes: { type: "json" } } : context);
  },
});
const { NoOperationTraceWriter, parseWorkflow }: typeof Parser = await import("@actions/workflow-parser");

/** What GitHub would say of a workflow file; nothing when it is good. */
export function workflowErrors(content: string): string[] {
  const { context } = parseWorkflow({ name: "release.yml", content }, new NoOperationTraceWriter());
  return context.errors.getErrors().map(String);
}
