import type { ProcessCommand } from "./command.ts";

export const hookCommand: ProcessCommand = {
  kind: "process",
  name: "hook",
  usage: "statigo hook --config hook.yaml",
  summary: "Run the deploy hook: redeploy a site when a webhook says that its image changed",
  toArguments: (args) => [...args],
  start: () => import("../hook/main.ts"),
};
