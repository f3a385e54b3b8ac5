import type { CommandGroup } from "../command.ts";
import { buildCommand } from "./build.ts";
import { inspectCommand } from "./inspect.ts";
import { pullCommand } from "./pull.ts";
import { pushCommand } from "./push.ts";

export const imageCommand: CommandGroup = {
  kind: "group",
  name: "image",
  usage: "statigo image <command> [arguments]",
  summary: "Build, push, pull and inspect images, without Docker",
  commands: [buildCommand, pushCommand, pullCommand, inspectCommand],
};
