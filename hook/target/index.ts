import { command } from "./command.ts";
import { consul } from "./consul/index.ts";
import { directory } from "./directory/index.ts";
import { docker } from "./docker/index.ts";
import { etcd } from "./etcd/index.ts";
import { kubernetes } from "./kubernetes/index.ts";
import { nomad } from "./nomad/index.ts";
import { portainer } from "./portainer/index.ts";
import { swarm } from "./swarm/index.ts";
import { type RegisteredTarget, registerTarget } from "./target.ts";

/** Every kind of target, by the key it has in the config under `target`. */
export const targets: readonly RegisteredTarget[] = [
  registerTarget(consul),
  registerTarget(portainer),
  registerTarget(docker),
  registerTarget(swarm),
  registerTarget(nomad),
  registerTarget(kubernetes),
  registerTarget(etcd),
  registerTarget(command),
  registerTarget(directory),
];
