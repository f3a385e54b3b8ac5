import { parseImageName } from "../../oci/reference.ts";
import { type Option, type ParsedArguments, UsageError } from "../command.ts";
import { suggestion } from "../nearest.ts";
import { isName } from "./choices.ts";
import type { Parts } from "./parts.ts";

/** What is said on the command line: whatever is left out is asked for, or taken to be what is usual. */
export interface Given {
  name?: string;
  registry?: string;
  image?: string;
  base?: string;
  ci?: string;
  engine?: string;
  host?: string;
  "hook-url"?: string;
  timezone?: string;
  output?: string;
}

export const initOptions = {
  name: { type: "string", value: "NAME", summary: "of the site in every file; the folder's by default" },
  ci: {
    type: "string",
    value: "CI",
    summary: "github, gitlab, forgejo, gitea or none: what builds and pushes",
  },
  engine: {
    type: "string",
    value: "ENGINE",
    summary: "compose, swarm, portainer, nomad, nomad-consul, kubernetes, systemd or none: what runs it",
  },
  registry: {
    type: "string",
    value: "REGISTRY",
    summary: "docker-hub, ghcr, gitlab, ecr, gar, acr, quay, harbor, gitea or own",
  },
  image: { type: "string", value: "IMAGE", summary: "the site's image without a tag, as ghcr.io/acme/site" },
  base: {
    type: "string",
    value: "IMAGE",
    summary: "what a CI builds on; `statigo` beside the image by default",
  },
  host: { type: "string", value: "HOST", summary: "where the site will be, as www.example.org" },
  "hook-url": {
    type: "string",
    value: "URL",
    summary: "where the deploy hook is, as https://hook.example.org",
  },
  timezone: {
    type: "string",
    value: "ZONE",
    summary: "of the dates in the site, as Europe/London; this machine's",
  },
  output: {
    type: "string",
    value: "FOLDER",
    summary: "where an existing site's build writes it, if elsewhere",
  },
  "dry-run": { type: "boolean", summary: "show what would be written, and write nothing" },
  yes: { type: "boolean", short: "y", summary: "ask nothing: what is not said is what is usual" },
} as const satisfies Record<string, Option>;

/** Checks what was said; the first mistake is an error that says what is right. */
export function readGiven(options: ParsedArguments["options"], parts: Parts): Given {
  const given: Given = {};
  for (const name of Object.keys(checks) as (keyof Given)[]) {
    const value = options[name];
    if (typeof value !== "string") continue;
    const problem = checks[name](value, parts);
    if (problem !== undefined) throw new UsageError(`--${name} ${value}: ${problem}`);
    given[name] = value;
  }
  return given;
}

type Check = (value: string, parts: Parts) => string | undefined;

/** What is wrong with a value, or undefined. */
export const checks: Readonly<Record<keyof Given, Check>> = {
  name: (value) =>
    isName(value)
      ? undefined
      : "a name has small letters, digits and dashes, begins with a letter, and is no word of YAML's such as on",
  ci: (value, { ci }) => oneOf(value, ci, ["none"]),
  engine: (value, { engines }) => oneOf(value, engines, ["none"]),
  registry: (value, { registries }) => oneOf(value, registries, []),
  image: (value) => {
    const parsed = parseImageName(value);
    return "problem" in parsed ? parsed.problem : undefined;
  },
  base: (value) => {
    const parsed = parseImageName(value.replace(/(?:@sha256:[0-9a-f]{64}|:[\w][\w.-]{0,127})$/, ""));
    return "problem" in parsed ? parsed.problem : undefined;
  },
  host: (value) =>
    /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i.test(value)
      ? undefined
      : "a host's name, such as www.example.org",
  "hook-url": (value) => {
    const url = URL.parse(value);
    const isGood =
      url !== null && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username;
    return isGood ? undefined : "an http or https URL, such as https://hook.example.org";
  },
  timezone: (value) =>
    isTimezone(value) ? undefined : "not a time zone's name, such as Europe/London or America/New_York",
  output: (value) =>
    /^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$))[\w./@+-]+$/.test(value)
      ? undefined
      : "a folder below the site's, without spaces, such as dist",
};

function oneOf(
  value: string,
  parts: readonly { name: string }[],
  others: readonly string[],
): string | undefined {
  const names = [...parts.map(({ name }) => name), ...others];
  if (names.includes(value)) return undefined;
  return `there is no such one.${suggestion(value, names)} There are: ${names.join(", ")}`;
}

/** Offsets such as +01:00 are time zones to JavaScript, and no files of the time zone database. */
function isTimezone(value: string): boolean {
  if (!/^[A-Za-z]+(?:[/_+-][A-Za-z0-9]+)*$/.test(value)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: value });
    return true;
  } catch {
    return false;
  }
}
