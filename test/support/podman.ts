/** Podman's API for Docker's clients, on a node (engine-nodes.ts): `startEngineNodes({ engines: [podmanEngine] })`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onPath } from "./docker-client.ts";
import type { NodeEngine } from "./engine-nodes.ts";

/** Why there is none on this machine, or `false`: for a test's `skip`. */
export const podmanMissing: string | false =
  onPath("podman").length === 0 ? "podman is not installed: apt-get install podman" : false;

export const podmanEngine: NodeEngine = {
  command({ folder, socket, gateway }) {
    mkdirSync(folder);
    const file = (name: string, ...lines: readonly string[]) => {
      writeFileSync(join(folder, name), `${lines.join("\n")}\n`);
      return join(folder, name);
    };
    const settings = file(
      "containers.conf",
      "[containers]",
      // Its own are more than a machine may give that is a virtual one.
      'default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]',
      "[engine]",
      'cgroup_manager = "cgroupfs"',
      'runtime = "runc"',
    );
    const registries = file("registries.conf", "[[registry]]", `location = "${gateway}"`, "insecure = true");
    const places = { root: "data", runroot: "run", tmpdir: "tmp", "network-config-dir": "networks" };
    const options = Object.entries(places).map(([name, place]) => `--${name} ${join(folder, place)}`);
    const start = file(
      "start.sh",
      // Which addresses are taken is written there, for every podman of the machine.
      "mkdir -p /var/lib/cni && mount -t tmpfs tmpfs /var/lib/cni",
      `export CONTAINERS_CONF=${settings} CONTAINERS_REGISTRIES_CONF=${registries}`,
      `exec podman ${options.join(" ")} system service --time 0 unix://${socket}`,
    );
    return ["sh", start];
  },
};
