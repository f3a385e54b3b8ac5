import { readFileSync } from "node:fs";
import type { Option, ParsedArguments } from "../command.ts";
import { CommandError, exitStatus } from "../exit-status.ts";

/** Where a hook's API is, and what opens it. */
export interface Connection {
  base: URL;
  token: string;
}

export const connectionOptions: Record<string, Option> = {
  url: {
    type: "string",
    value: "URL",
    summary: "the hook, such as https://hook.example.org (STATIGO_HOOK_URL)",
  },
  token: { type: "string", value: "TOKEN", summary: "the API token; better kept in STATIGO_HOOK_TOKEN" },
  "token-file": {
    type: "string",
    value: "FILE",
    summary: "a file with the API token (STATIGO_HOOK_TOKEN_FILE)",
  },
};

type Environment = Readonly<Record<string, string | undefined>>;

/** What was typed comes before what the environment says. */
export function findConnection(options: ParsedArguments["options"], environment: Environment): Connection {
  const url = given(options["url"]) ?? given(environment["STATIGO_HOOK_URL"]);
  if (url === undefined)
    throw wrong("which hook? Name it with --url or STATIGO_HOOK_URL, such as http://127.0.0.1:4500");
  const base = parseBase(url);
  const token = findToken(options, environment);
  if (token === undefined)
    throw wrong(
      "which token? Give it with STATIGO_HOOK_TOKEN, --token-file or --token; the hook's config has it under api.tokens",
    );
  if (!/^[\x21-\x7e]+$/.test(token))
    throw wrong("the token has characters that no token has; was the right file named?");
  return { base, token };
}

function parseBase(url: string): URL {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (base === undefined || !["http:", "https:"].includes(base.protocol))
    throw wrong(`'${url}' is no URL; write it as http://127.0.0.1:4500 or https://hook.example.org`);
  if (base.username !== "" || base.password !== "")
    throw wrong("the hook's URL has no user and no password in it");
  // Without it, the last part of a path would be replaced by what follows it.
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  base.search = "";
  base.hash = "";
  return base;
}

function findToken(options: ParsedArguments["options"], environment: Environment): string | undefined {
  const typed = given(options["token"]);
  if (typed !== undefined) return typed;
  const typedFile = given(options["token-file"]);
  if (typedFile !== undefined) return readToken(typedFile);
  const file = given(environment["STATIGO_HOOK_TOKEN_FILE"]);
  return given(environment["STATIGO_HOOK_TOKEN"]) ?? (file === undefined ? undefined : readToken(file));
}

function readToken(file: string): string {
  try {
    const token = readFileSync(file, "utf8").trim();
    if (token !== "") return token;
  } catch (error) {
    throw wrong(`the token file ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  throw wrong(`the token file ${file} is empty`);
}

function given(value: ParsedArguments["options"][string]): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}

function wrong(message: string): CommandError {
  return new CommandError(message, exitStatus.wrongInput);
}
