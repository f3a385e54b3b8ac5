/** A Docker Engine that is newer than this machine's own: 26.1, which speaks the API 1.45, of Debian's trixie suite. */
import { delimiter, join } from "node:path";
import { unpackFromSuite } from "./debian-suite.ts";

/** What has to come first in PATH for `dockerd` to be it; runc and docker-init are the machine's. */
export async function findNewerEngine(): Promise<{ path: string } | { reason: string }> {
  const docker = await unpackFromSuite("trixie", "docker.io");
  if ("reason" in docker) return docker;
  const containerd = await unpackFromSuite("trixie", "containerd");
  if ("reason" in containerd) return containerd;
  return { path: [join(docker.folder, "usr/sbin"), join(containerd.folder, "usr/bin")].join(delimiter) };
}
