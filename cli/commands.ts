import { agentCommand } from "./agent.ts";
import {
  approveCommand,
  cancelCommand,
  deployCommand,
  redeployCommand,
  rollbackCommand,
} from "./api/deploy.ts";
import { eventsCommand } from "./api/events.ts";
import { freezeCommand, pauseCommand, resumeCommand, unfreezeCommand } from "./api/hold.ts";
import { deploymentsCommand, servicesCommand } from "./api/listing.ts";
import { logCommand } from "./api/log.ts";
import { checkCommand } from "./check.ts";
import type { Command, OwnCommand } from "./command.ts";
import { createCompletionCommand } from "./completion.ts";
import { hookCommand } from "./hook.ts";
import { imageCommand } from "./image/command.ts";
import { initCommand } from "./init.ts";
import { serveCommand } from "./serve.ts";
import { serverCommand } from "./server.ts";

/** What asks a hook that runs somewhere; each may also be written behind `statigo hook`. */
export const apiCommands: readonly OwnCommand[] = [
  servicesCommand,
  deploymentsCommand,
  logCommand,
  eventsCommand,
  deployCommand,
  rollbackCommand,
  redeployCommand,
  approveCommand,
  cancelCommand,
  pauseCommand,
  resumeCommand,
  freezeCommand,
  unfreezeCommand,
];

/** What works on this machine. */
export const localCommands: readonly Command[] = [
  initCommand,
  imageCommand,
  serveCommand,
  serverCommand,
  checkCommand,
  hookCommand,
  agentCommand,
  createCompletionCommand(() => commands),
];

/** Every command, in the order in which the help text shows them. */
export const commands: readonly Command[] = [...localCommands, ...apiCommands];
