import type { ProcessCommand } from "./command.ts";

export const agentCommand: ProcessCommand = {
  kind: "process",
  name: "agent",
  usage: "statigo agent [--config FILE] [--check] [options]",
  summary: "Replace this machine's containers by what etcd says, in turn with other machines",
  flags: [
    { name: "config", hasValue: true, summary: "the config, in YAML" },
    { name: "check", hasValue: false, summary: "check the config, and ask etcd and Docker" },
  ],
  toArguments: (args) => [...args],
  start: () => import("../hook/agent/main.ts"),
};
