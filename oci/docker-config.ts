import { readFile } from "node:fs/promises";
import { askCredentialHelper } from "./credential-helper.ts";
import { type CredentialLookup, type Credentials, CredentialsError } from "./credentials.ts";
import { dockerHub } from "./reference.ts";

/**
 * The credentials that a Docker `config.json` has for a registry, `undefined` when it has none. As the `docker`
 * program does, a helper named for the registry goes before the general one, and both before what the file holds.
 */
export async function readDockerCredentials(
  file: string,
  registry: string,
  lookup: CredentialLookup,
): Promise<Credentials | undefined> {
  const config = parseDockerConfig(await readConfigText(file), file);
  const keys = keysOf(registry);
  const helper = firstOf(keys, config.credHelpers) ?? config.credsStore;
  if (helper !== undefined) {
    const found = await askCredentialHelper(helper, keys[0] ?? registry, lookup);
    if (found !== undefined) return found;
  }
  const entry = firstOf(keys, normalizeKeys(config.auths));
  return entry === undefined ? undefined : readEntry(entry, registry, file);
}

interface DockerConfig {
  auths: Readonly<Record<string, unknown>>;
  credHelpers: Readonly<Record<string, string>>;
  credsStore: string | undefined;
}

async function readConfigText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const meaning = code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
    throw new CredentialsError(`the Docker config ${file} ${meaning}`);
  }
}

function parseDockerConfig(text: string, file: string): DockerConfig {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's own message quotes the file, which holds passwords.
    throw new CredentialsError(`the Docker config ${file} is not JSON`);
  }
  const { auths, credHelpers, credsStore } = objectOf(parsed);
  const helpers = Object.entries(objectOf(credHelpers)).filter(([, name]) => typeof name === "string");
  return {
    auths: objectOf(auths),
    credHelpers: Object.fromEntries(helpers) as Record<string, string>,
    credsStore: typeof credsStore === "string" && credsStore !== "" ? credsStore : undefined,
  };
}

/** Docker Hub's is a URL for historical reasons, and the one that `docker login` writes. */
function keysOf(registry: string): string[] {
  if (registry !== dockerHub.name) return [registry];
  return [dockerHub.credentialsKey, "index.docker.io", dockerHub.name, dockerHub.apiHost];
}

/** Old files name registries by URLs: `https://reg.example/v1/` means `reg.example`. */
function normalizeKeys(auths: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const plain = Object.entries(auths).map(([key, entry]) => [
    key.replace(/^https?:\/\/([^/]*).*$/, "$1"),
    entry,
  ]);
  return { ...Object.fromEntries(plain), ...auths };
}

function readEntry(entry: unknown, registry: string, file: string): Credentials | undefined {
  const { auth, username, password, identitytoken } = objectOf(entry);
  if (typeof identitytoken === "string" && identitytoken !== "") return { identityToken: identitytoken };
  if (typeof username === "string" && typeof password === "string" && username !== "") {
    return { username, password };
  }
  if (typeof auth !== "string" || auth === "") return undefined;
  const decoded = Buffer.from(auth, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon <= 0) {
    throw new CredentialsError(
      `the Docker config ${file} has no user and password in auths."${registry}".auth`,
    );
  }
  // The `docker` program ends the password at a zero byte, which old versions padded it with.
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, "") };
}

function firstOf<Value>(keys: readonly string[], values: Readonly<Record<string, Value>>): Value | undefined {
  const key = keys.find((candidate) => Object.hasOwn(values, candidate));
  return key === undefined ? undefined : values[key];
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
