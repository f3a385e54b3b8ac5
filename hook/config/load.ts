import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { LineCounter, parseDocument, YAMLParseError } from "yaml";
import type { z } from "zod";
import { hashSecret, type SecretHash } from "../secret-hash.ts";
import { defaultTags, type Service } from "../service.ts";
import { createFields } from "./fields.ts";
import { interpolate } from "./interpolation.ts";
import { formatProblem, type Problem, place, problemsOf } from "./problem.ts";
import { configSchema, type Scope } from "./schema.ts";

/** Everything the hook was told, checked. Of the secrets that callers present only hashes are kept. */
export interface Config {
  file: string;
  listen: { host: string; port: number };
  storePath: string;
  tokens: readonly ApiToken[];
  parallel: number;
  graceMs: number;
  services: ReadonlyMap<string, Service>;
}

export interface ApiToken {
  name: string;
  hash: SecretHash;
  scopes: readonly Scope[];
}

/** Either a config or everything that is wrong with it, one line each. */
export type ConfigResult = { config: Config } | { problems: string[] };

export type Environment = Readonly<Record<string, string | undefined>>;

export function loadConfig(file: string, environment: Environment): ConfigResult {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const meaning = code === "ENOENT" ? "there is no such file" : `cannot be read (${code})`;
    return { problems: [`${file}: ${meaning}; name the config with --config`] };
  }
  return parseConfig(text, file, environment);
}

export function parseConfig(text: string, file: string, environment: Environment): ConfigResult {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const syntax = [...document.errors, ...document.warnings];
  if (syntax.length > 0) return { problems: syntax.map((error) => formatSyntax(file, error, lines)) };

  const places = { document, lines };
  const directory = dirname(resolve(file));
  const missing = interpolate(document, environment).map(({ path, message }) => place(path, message, places));
  const schema = configSchema(createFields({ environment, directory }));
  const parsed = schema.safeParse(document.toJS() ?? {});
  const wrong = withoutConsequences(parsed.error?.issues ?? []).flatMap((issue) =>
    problemsOf(issue, { ...places, schema }),
  );
  // A value with a missing variable in it is reported for that, not for what it looks like without.
  const missingPaths = new Set(missing.map(({ path }) => path));
  const problems = [...missing, ...wrong.filter(({ path }) => !missingPaths.has(path))];
  for (const [path, twin] of parsed.success ? findTwins(parsed.data) : []) {
    problems.push(place(path, `the same secret as ${twin}; give each service its own`, places));
  }
  if (problems.length > 0 || !parsed.success) return { problems: formatProblems(problems, file) };
  return { config: assemble(parsed.data, file, directory, environment) };
}

/** What an object lacks because a key in it is misspelt is not reported beside the misspelling. */
function withoutConsequences(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue[] {
  const misspelt = new Set(
    issues.flatMap(({ code, path }) => (code === "unrecognized_keys" ? [path.join()] : [])),
  );
  return issues.filter(({ code, path }) => code !== "custom" || !misspelt.has(path.join()));
}

type ConfigData = z.output<ReturnType<typeof configSchema>>;

/** Services that share a secret: whoever has the URL of one could guess the other's. */
function findTwins({ services }: ConfigData): [path: string[], twin: string][] {
  const owners = new Map<string, string>();
  return Object.entries(services).flatMap(([name, { secret }]) => {
    const owner = owners.get(secret);
    owners.set(secret, owner ?? name);
    return owner === undefined ? [] : [[["services", name, "secret"], `services.${owner}.secret`]];
  });
}

function assemble(data: ConfigData, file: string, directory: string, environment: Environment): Config {
  const services = Object.entries(data.services).map(([name, { image, secret, tags, target }]): Service => {
    const setting = { service: name, image, directory, environment };
    return { name, image, secret: hashSecret(secret), tags: tags ?? defaultTags, target: target(setting) };
  });
  return {
    file,
    listen: data.listen,
    storePath: data.store,
    tokens: (data.api?.tokens ?? []).map(({ name, token, scopes }) => ({
      name,
      hash: hashSecret(token),
      scopes,
    })),
    parallel: data.deployments.parallel,
    graceMs: data.deployments.grace,
    services: new Map(services.map((service) => [service.name, service])),
  };
}

function formatProblems(problems: readonly Problem[], file: string): string[] {
  const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  return [...new Set(sorted.map((problem) => formatProblem(file, problem)))];
}

function formatSyntax(file: string, error: Error, lines: LineCounter): string {
  const offset = error instanceof YAMLParseError ? error.pos[0] : 0;
  const { line, col: column } = lines.linePos(offset);
  const message = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  return formatProblem(file, { line, column, path: "", message });
}
