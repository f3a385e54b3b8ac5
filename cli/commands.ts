import type { Command } from "./command.ts";
import { hookCommand } from "./hook.ts";
import { initCommand } from "./init.ts";
import { serveCommand } from "./serve.ts";

/** Every command, in the order in which the help text shows them. */
export const commands: readonly Command[] = [initCommand, serveCommand, hookCommand];
