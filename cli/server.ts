import { flags } from "../server/options/flags.ts";
import type { ProcessCommand } from "./command.ts";

/** `statigo server site -no-metrics` is the server's own `-root-dir site -no-metrics`. */
export function toServerArguments(args: readonly string[]): string[] {
  const [folder, ...flags] = args;
  return folder === undefined || folder.startsWith("-") ? [...args] : ["-root-dir", folder, ...flags];
}

export const serverCommand: ProcessCommand = {
  kind: "process",
  name: "server",
  usage: "statigo server [folder] [flags of the server]",
  summary: "Serve a folder over HTTP as the image does (the current folder by default)",
  flags: flags.map(({ name, argument, meaning }) => ({ name, hasValue: argument !== "", summary: meaning })),
  toArguments: toServerArguments,
  start: () => import("../server/main.ts"),
};
