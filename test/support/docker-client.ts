/** Docker's command-line client, and the question whether a daemon answers it. */
import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Debian's client first: it brings its builder along, where a newer one without buildx cannot build. */
export function dockerClients(): string[] {
  return [...new Set(["/usr/bin/docker", ...onPath("docker")])].filter(isExecutable);
}

/** A daemon is in /usr/sbin, which is not on every user's PATH. */
export function onPath(command: string): string[] {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, command)).filter(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The version of the daemon that the client reaches, or in one line why it reaches none. */
export async function askVersion(
  client: string,
  host: string | undefined,
): Promise<{ version: string } | { reason: string }> {
  const env = host === undefined ? process.env : { ...process.env, DOCKER_HOST: host };
  try {
    const { stdout } = await execute(client, ["version", "--format", "{{.Server.Version}}"], {
      env,
      timeout: 10_000,
    });
    return { version: stdout.trim() };
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    return { reason: (stderr || message).trim().split("\n").at(-1) ?? "" };
  }
}
