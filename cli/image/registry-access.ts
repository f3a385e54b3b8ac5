import { readFileSync } from "node:fs";
import { access } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { text as readText } from "node:stream/consumers";
import type { Credentials } from "../../oci/credentials.ts";
import { readDockerCredentials } from "../../oci/docker-config.ts";
import type { ImageName } from "../../oci/reference.ts";
import type { RegistryTls } from "../../oci/transport.ts";
import { type Option, type ParsedArguments, UsageError } from "../command.ts";

export const registryOptions: Record<string, Option> = {
  username: {
    type: "string",
    short: "u",
    value: "NAME",
    summary: "who logs in; else what docker login has stored",
  },
  "password-stdin": { type: "boolean", summary: "read the password or token from the standard input" },
  "docker-config": {
    type: "string",
    value: "FILE",
    summary: "a config.json other than ~/.docker/config.json",
  },
  "plain-http": { type: "boolean", summary: "http instead of https; on this machine that is so without it" },
  insecure: { type: "boolean", summary: "take any certificate" },
  ca: { type: "string", value: "FILE", summary: "the authority of the registry's certificate, PEM" },
};

export interface RegistryAccessOptions {
  credentials: Credentials | undefined;
  insecure?: boolean;
  tls?: RegistryTls;
}

/** How a registry is spoken to: by the options, or as `docker` would. The password is read once. */
export function createAccess(options: ParsedArguments["options"], environment: NodeJS.ProcessEnv) {
  const username = text(options, "username");
  const fromInput = options["password-stdin"] === true;
  if ((username !== undefined) !== fromInput) {
    throw new UsageError(
      "--username and --password-stdin go together: a password in the arguments is seen by all",
    );
  }
  const password = fromInput ? readText(process.stdin) : undefined;
  const tls = readTls(options);
  const isPlain = options["plain-http"] === true;
  return async ({ registry }: ImageName, signal: AbortSignal): Promise<RegistryAccessOptions> => ({
    credentials:
      username !== undefined
        ? { username, password: ((await password) ?? "").replace(/\r?\n$/, "") }
        : await storedCredentials(text(options, "docker-config"), registry, environment, signal),
    ...(isPlain && { insecure: true }),
    ...(tls !== undefined && { tls }),
  });
}

export type AccessTo = ReturnType<typeof createAccess>;

function readTls(options: ParsedArguments["options"]): RegistryTls | undefined {
  const ca = text(options, "ca");
  const takesAny = options["insecure"] === true;
  if (ca === undefined && !takesAny) return undefined;
  return {
    ...(ca !== undefined && { ca: readAuthority(ca) }),
    ...(takesAny && { rejectUnauthorized: false }),
  };
}

function readAuthority(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const reason = isMissing ? "there is no such file" : (error as Error).message;
    throw new UsageError(`--ca ${file}: ${reason}; name the PEM file of the registry's authority`);
  }
}

export function text(options: ParsedArguments["options"], name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

/** What `docker login` has written, else what `podman login` has. */
async function storedCredentials(
  file: string | undefined,
  registry: string,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  const lookup = { environment, signal };
  if (file !== undefined) return readDockerCredentials(file, registry, lookup);
  for (const place of configPlaces(environment)) {
    const isThere = await access(place).then(
      () => true,
      () => false,
    );
    const found = isThere ? await readDockerCredentials(place, registry, lookup) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function configPlaces(environment: NodeJS.ProcessEnv): string[] {
  const docker = environment["DOCKER_CONFIG"] ?? join(environment["HOME"] ?? homedir(), ".docker");
  const own = environment["REGISTRY_AUTH_FILE"];
  const run = environment["XDG_RUNTIME_DIR"];
  return [
    ...(own === undefined ? [] : [own]),
    join(docker, "config.json"),
    ...(run === undefined ? [] : [join(run, "containers/auth.json")]),
  ];
}
