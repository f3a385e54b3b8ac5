import { spawn } from "node:child_process";
import { type CredentialLookup, type Credentials, CredentialsError } from "./credentials.ts";

/** A helper may ask a cloud's service; none needs a person here, so one that waits for a person is ended. */
const helperTimeoutMs = 10_000;
const maximumOutputBytes = 64 * 1024;

/**
 * Runs `docker-credential-<name> get` with the registry's name on its input. `undefined` when it has no credentials
 * for it. Protocol: docker/docker-credential-helpers.
 */
export async function askCredentialHelper(
  name: string,
  registry: string,
  { environment, signal }: CredentialLookup,
  timeoutMs = helperTimeoutMs,
): Promise<Credentials | undefined> {
  // The name comes from a file, and becomes a part of a program's: no path may be made of it.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    throw new CredentialsError(`"${name}" is not a credential helper's name`);
  }
  const program = `docker-credential-${name}`;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const { status, output } = await runHelper(program, registry, environment, limit);
  if (status !== 0) {
    if (/credentials not found/i.test(output)) return undefined;
    throw new CredentialsError(`${program} failed for ${registry} (status ${status})`);
  }
  return readHelperOutput(output, program);
}

function runHelper(
  program: string,
  registry: string,
  environment: CredentialLookup["environment"],
  signal: AbortSignal,
): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ["get"], {
      env: { ...environment },
      stdio: ["pipe", "pipe", "ignore"],
      signal,
      killSignal: "SIGKILL",
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.length > maximumOutputBytes) child.kill("SIGKILL");
    });
    // A helper may end without having read its input.
    child.stdin.on("error", () => {});
    child.stdin.end(registry);
    child.once("error", (error) => reject(new CredentialsError(explainStart(error, program))));
    child.once("close", (status) => resolve({ status, output }));
  });
}

function explainStart({ name, code }: NodeJS.ErrnoException, program: string): string {
  if (name === "AbortError") return `${program} did not answer in time`;
  return code === "ENOENT" ? `${program} is not on the PATH` : `${program} could not be started (${code})`;
}

function readHelperOutput(output: string, program: string): Credentials {
  let parsed: { Username?: unknown; Secret?: unknown } | null;
  try {
    parsed = JSON.parse(output);
  } catch {
    parsed = null;
  }
  const { Username: username, Secret: secret } = parsed ?? {};
  if (typeof username !== "string" || typeof secret !== "string" || secret === "") {
    throw new CredentialsError(`${program} did not answer with a user and a secret`);
  }
  return username === "<token>" ? { identityToken: secret } : { username, password: secret };
}
