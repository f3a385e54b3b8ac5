import type { ProcessCommand } from "./command.ts";

export const hookCommand: ProcessCommand = {
  kind: "process",
  name: "hook",
  usage: "statigo hook [run | check | url | secret new | token new] [options]",
  summary: "Run the deploy hook, check its config, make its secrets",
  words: [
    { word: "run", summary: "listen for webhooks and deploy" },
    { word: "check", summary: "check the config, and ask every target" },
    { word: "url", summary: "print the webhook URLs of a service" },
    { word: "secret", summary: "make a secret for a webhook URL" },
    { word: "token", summary: "make a token for the API" },
  ],
  flags: [
    { name: "config", hasValue: true, summary: "the config, in YAML" },
    { name: "offline", hasValue: false, summary: "check: the config only" },
    { name: "json", hasValue: false, summary: "check: as JSON" },
    { name: "base", hasValue: true, summary: "url: the public address of the hook" },
    { name: "sha256", hasValue: false, summary: "new: its hash too" },
    { name: "signing", hasValue: false, summary: "secret new: a key for signatures" },
  ],
  toArguments: (args) => [...args],
  start: () => import("../hook/main.ts"),
};
