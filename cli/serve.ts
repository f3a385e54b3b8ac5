import type { ProcessCommand } from "./command.ts";

/** `statigo serve site -no-metrics` is the server's own `-root-dir site -no-metrics`. */
export function toServerArguments(args: readonly string[]): string[] {
  const [folder, ...flags] = args;
  return folder === undefined || folder.startsWith("-") ? [...args] : ["-root-dir", folder, ...flags];
}

export const serveCommand: ProcessCommand = {
  kind: "process",
  name: "serve",
  aliases: ["server"],
  usage: "statigo serve [folder] [flags of the server]",
  summary: "Serve a folder over HTTP, as the image does (the current folder by default)",
  toArguments: toServerArguments,
  start: () => import("../server/main.ts"),
};
