import { flags } from "../server/options/flags.ts";
import type { OwnCommand } from "./command.ts";

export const serveCommand: OwnCommand = {
  kind: "own",
  name: "serve",
  usage: "statigo serve [folder] [options] [flags of the server]",
  summary: "Serve a folder while you work on it: the browser shows every change at once",
  details: () =>
    "The pages are answered by the server that is in the image; `statigo server` runs it as it is there, without the\nrest. Without a folder it is the current one.",
  options: {
    port: {
      type: "string",
      short: "p",
      value: "PORT",
      summary: "port to listen on (3000, or the next one that is free)",
    },
    open: { type: "boolean", short: "o", summary: "open the page in your browser" },
    lan: {
      type: "boolean",
      summary: "let other devices in your network see it, and say under which address",
    },
    qr: { type: "boolean", summary: "show the address as a QR code, for a phone (implies --lan)" },
    "no-reload": { type: "boolean", summary: "leave pages and their caching as they are: no live reload" },
  },
  handsOn: flags
    .filter(({ name }) => name !== "help")
    .map(({ name, argument, meaning }) => ({ name, hasValue: argument !== "", summary: meaning })),
  run: async (parsed) => (await import("./serve/run.ts")).serve(parsed),
};
