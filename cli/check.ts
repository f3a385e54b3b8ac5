import { flags } from "../server/options/flags.ts";
import { findingKinds } from "./check/finding.ts";
import type { OwnCommand } from "./command.ts";

/** The server's flags on which it depends what an address leads to. */
const routing = ["index-filename", "not-found-filename", "serve-hidden", "spa", "trailing-slash"];

export const checkCommand: OwnCommand = {
  kind: "own",
  name: "check",
  usage: "statigo check [folder] [options]",
  summary: "Find what is broken in a site before its visitors do: links, anchors, images, rules",
  details: () =>
    [
      "Addresses are looked up as the server does it, with its redirects and clean URLs; nothing is asked of the network.",
      "Status 0: nothing was found, 1: something was, 2: wrong usage. Kinds of findings:",
      ...Object.entries(findingKinds).map(([kind, meaning]) => `  ${kind.padEnd(16)} ${meaning}`),
    ].join("\n"),
  options: {
    json: { type: "boolean", summary: "print what was found as JSON" },
    all: { type: "boolean", summary: "name every place of a finding, not only the first three" },
    "max-image-size": {
      type: "string",
      value: "SIZE",
      summary: "largest image: 500kB, 2MB; 0 for any (1MB)",
    },
    "site-url": {
      type: "string",
      value: "URL",
      summary: "where the site will be: absolute links to it are checked too",
    },
    skip: { type: "string", value: "KINDS", summary: "kinds to leave out, with commas between them" },
  },
  handsOn: flags
    .filter(({ name }) => routing.includes(name))
    .map(({ name, argument, meaning }) => ({ name, hasValue: argument !== "", summary: meaning })),
  run: async (parsed) => (await import("./check/run.ts")).check(parsed),
};
