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

/** The first client that reaches the daemon, and the daemon's version; or in one line why none does. */
export async function askClients(
  clients: readonly string[],
  host: string | undefined,
): Promise<{ client: string; version: string } | { reason: string }> {
  const reasons: string[] = [];
  for (const client of clients) {
    const answer = await askVersion(client, host);
    if ("version" in answer) return { client, version: answer.version };
    reasons.push(answer.reason);
  }
  return { reason: reasons[0] ?? "there is no client to ask with" };
}

async function askVersion(
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
