import { command } from "./command.ts";
import { consul } from "./consul.ts";
import { portainer } from "./portainer.ts";
import { type RegisteredTarget, registerTarget } from "./target.ts";

/** Every kind of target, by the key it has in the config under `target`. */
export const targets: readonly RegisteredTarget[] = [
  registerTarget(consul),
  registerTarget(portainer),
  registerTarget(command),
];
