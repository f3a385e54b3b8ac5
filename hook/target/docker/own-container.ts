import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** What a process can read about where it runs. */
export interface Surroundings {
  /** `/proc/self/cgroup` */
  cgroup: string;
  /** `/proc/self/mountinfo` */
  mountinfo: string;
  hostname: string;
}

export function readSurroundings(): Surroundings {
  return {
    cgroup: readIfThere("/proc/self/cgroup"),
    mountinfo: readIfThere("/proc/self/mountinfo"),
    hostname: hostname(),
  };
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/**
 * Whether a process with these surroundings runs in the container with this id. With version 1 of cgroups, and with
 * the host's namespace of them, the cgroup's path has the id; otherwise the files that an Engine mounts over
 * `/etc/hostname` and the like lie in a folder named by it. The host's name is a container's only as the start of its
 * id: anything else somebody may have chosen, for another machine as well.
 */
export function isInContainer(id: string, { cgroup, mountinfo, hostname }: Surroundings): boolean {
  if (!/^[0-9a-f]{64}$/.test(id)) return false;
  return cgroup.includes(id) || isMountedFrom(id, mountinfo) || hostname === id.slice(0, 12);
}

/** Field 4 of proc(5)'s mountinfo is the place within the file system that is mounted; any process may see others. */
function isMountedFrom(id: string, mountinfo: string): boolean {
  return mountinfo.split("\n").some((line) => {
    const [, , , root = "", place = ""] = line.split(" ");
    return /^\/etc\/(?:hostname|hosts|resolv\.conf)$/.test(place) && root.includes(`/${id}/`);
  });
}
