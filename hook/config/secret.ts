import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { isJsonObject } from "../json.ts";

/** Where secrets may come from. */
export interface SecretScope {
  environment: Readonly<Record<string, string | undefined>>;
  /** Relative `file`s are looked up from here. */
  directory: string;
}

export type SecretResult = { secret: string } | { problem: string };

const forms = `a text, "\${NAME}", { env: NAME } or { file: path }`;

/** A secret as the config may write it: the text itself, `{ env: NAME }` or `{ file: path }`. */
export function resolveSecret(value: unknown, scope: SecretScope): SecretResult {
  if (value === undefined || value === null) return { problem: `missing: write it as ${forms}` };
  if (typeof value === "string") return checkPresent(value, "is empty");
  if (!isJsonObject(value) || Object.keys(value).length !== 1) return { problem: `must be ${forms}` };
  if (typeof value["env"] === "string") return readVariable(value["env"], scope);
  if (typeof value["file"] === "string") return readSecretFile(resolve(scope.directory, value["file"]));
  return { problem: `must be ${forms}` };
}

function readVariable(name: string, { environment }: SecretScope): SecretResult {
  const value = environment[name];
  if (value === undefined) return { problem: missingVariable(name) };
  return checkPresent(value, `the environment variable ${name} is empty`);
}

/** Editors and `echo` end a file with a newline that is not part of the secret. */
function readSecretFile(path: string): SecretResult {
  try {
    return checkPresent(readFileSync(path, "utf8").replace(/\r?\n$/, ""), `the file ${path} is empty`);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    const meaning = code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
    return { problem: `the file ${path} ${meaning}` };
  }
}

function checkPresent(secret: string, problem: string): SecretResult {
  return secret.trim() === "" ? { problem } : { secret };
}

export function missingVariable(name: string): string {
  return `the environment variable ${name} is not set; set it before starting the hook`;
}
