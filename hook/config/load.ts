import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import type { Limits } from "../accept/limits.ts";
import { releasePolicyOf } from "../accept/release-policy.ts";
import type { DashboardSetting } from "../dashboard/setting.ts";
import { deploySettingOf } from "../deploy/setting.ts";
import type { ProxyCheck } from "../http/proxies.ts";
import { isJsonObject } from "../json.ts";
import { type ConfiguredNotifier, setUpNotifiers } from "../notify/index.ts";
import type { ApiToken } from "../routes/api/token.ts";
import type { SecretHash } from "../secret/secret-hash.ts";
import { defaultTags, type Service } from "../service.ts";
import { defaultSetting } from "../source/setting.ts";
import { parseYaml, tooManyValues, valuesOf } from "./document.ts";
import { createFields } from "./fields.ts";
import { interpolate } from "./interpolation.ts";
import { findNearest } from "./nearest.ts";
import { formatProblem, type Problem, place, problemsOf } from "./problem.ts";
import { configSchema } from "./schema.ts";
import { isTemplateAt } from "./schema-walk.ts";
import { showServices } from "./shown.ts";

/** Everything the hook was told, checked. Of the secrets that callers present only hashes are kept. */
export interface Config {
  file: string;
  listen: { host: string; port: number };
  /** Where people reach the hook, without a slash at the end. */
  publicUrl: string | undefined;
  storePath: string;
  tokens: readonly ApiToken[];
  /** What /metrics asks for; without one it is open. */
  metricsToken: SecretHash | undefined;
  parallel: number;
  graceMs: number;
  /** How long the history goes back. */
  keepMs: number;
  services: ReadonlyMap<string, Service>;
  notifiers: ReadonlyMap<string, ConfiguredNotifier>;
  limits: Limits;
  isTrustedProxy: ProxyCheck;
  dashboard: DashboardSetting;
  /** Each service as the file has it, in YAML, its secrets masked. */
  shown: ReadonlyMap<string, string>;
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
  const places = parseYaml(text, file);
  if ("problems" in places) return places;
  const { document } = places;
  const directory = dirname(resolve(file));
  const schema = configSchema(createFields({ environment, directory }));
  // Before the environment's values are put in: what is shown to people has none of them.
  const written = valuesOf(document);
  if (written === undefined) return { problems: [`${file}:1:1: ${tooManyValues}`] };
  const missing = interpolate(document, environment, (path) => isTemplateAt(schema, path)).map(
    ({ path, message }) => place(path, message, places),
  );
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
  if (parsed.success && parsed.data.dashboard.proxy !== undefined && !hasProxies(written.values))
    problems.push(place(["dashboard", "proxy"], needsProxies, places));
  for (const [path, message] of parsed.success ? findUnknownNames(parsed.data) : [])
    problems.push(place(path, message, places));
  if (problems.length > 0 || !parsed.success) return { problems: formatProblems(problems, file) };
  const config = assemble(parsed.data, file, directory, environment);
  const shared = findSharedFolders(config.services).map(({ service, part, message }) =>
    place(pathOfFolder(written.values, service, part), message, places),
  );
  if (shared.length > 0) return { problems: formatProblems(shared, file) };
  const shown = showServices(written.values, schema);
  return { config: { ...config, shown } };
}

const needsProxies =
  "needs `trustedProxies`: without them anybody could send that header; name the proxy's address there";

function hasProxies(written: unknown): boolean {
  const networks = isJsonObject(written) ? written["trustedProxies"] : undefined;
  return Array.isArray(networks) && networks.length > 0;
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
  const secrets = Object.entries(services).flatMap(([name, { secret }]) =>
    secret.map((hash) => ({ name, key: hash.toString("hex") })),
  );
  return secrets.flatMap(({ name, key }) => {
    const owner = owners.get(key);
    owners.set(key, owner ?? name);
    return owner === undefined ? [] : [[["services", name, "secret"], `services.${owner}.secret`]];
  });
}

interface SharedFolder {
  service: string;
  /** Which of its targets. */
  part: number;
  message: string;
}

/** Only a target knows where it goes when nothing is said, and two texts may be one folder. */
function findSharedFolders(services: Config["services"]): SharedFolder[] {
  const owners = new Map<string, string>();
  const folders = [...services.values()].flatMap(({ name, target }) =>
    (target.parts ?? [target]).map(({ ownFolder }, part) => ({ service: name, part, ownFolder })),
  );
  return folders.flatMap(({ service, part, ownFolder }) => {
    if (ownFolder === undefined) return [];
    const owner = owners.get(ownFolder) ?? service;
    owners.set(ownFolder, owner);
    const message = `${ownFolder} is where services.${owner} is deployed to; give ${service} its own folder`;
    return owner === service ? [] : [{ service, part, message }];
  });
}

/** Where it is said, or would have to be. */
function pathOfFolder(written: unknown, service: string, part: number): string[] {
  const services = isJsonObject(written) ? written["services"] : undefined;
  const one = isJsonObject(services) ? services[service] : undefined;
  const target = isJsonObject(one) ? one["target"] : undefined;
  const isAtOnce = isJsonObject(target) && "all" in target;
  const within = isAtOnce ? ["all", String(part)] : Array.isArray(target) ? [String(part)] : [];
  return ["services", service, "target", ...within, "directory", "folder"];
}

/** Names of other parts of the config that are not there. */
function findUnknownNames({ services, notifiers, api }: ConfigData): Misnomer[] {
  return [
    ...Object.entries(services).flatMap(([service, { notify = [] }]) =>
      findMisnomers(["services", service, "notify"], notify, Object.keys(notifiers), "notifier"),
    ),
    ...(api?.tokens ?? []).flatMap(({ services: names = [] }, index) =>
      findMisnomers(["api", "tokens", String(index), "services"], names, Object.keys(services), "service"),
    ),
  ];
}

type Misnomer = [path: string[], message: string];

function findMisnomers(
  path: readonly string[],
  names: readonly string[],
  known: readonly string[],
  what: "notifier" | "service",
): Misnomer[] {
  return names.flatMap((name, index): Misnomer[] => {
    if (known.includes(name)) return [];
    const nearest = findNearest(name, known);
    const advice = nearest === undefined ? `name one of \`${what}s\`` : `did you mean \`${nearest}\`?`;
    return [[[...path, String(index)], `there is no ${what} ${name}; ${advice}`]];
  });
}

function assemble(
  data: ConfigData,
  file: string,
  directory: string,
  environment: Environment,
): Omit<Config, "shown"> {
  const services = Object.entries(data.services).map(
    ([name, { image, aliases, secret, webhook, tags, target, notify, ...policy }]): Service => {
      const { registry } = policy;
      const setting = { service: name, image, directory, environment, registry };
      return {
        name,
        image,
        aliases,
        secrets: secret,
        webhook: webhook ?? defaultSetting,
        tags: tags ?? defaultTags,
        ...releasePolicyOf(policy),
        ...deploySettingOf(policy, setting),
        target: target(setting),
        notify,
      };
    },
  );
  return {
    file,
    listen: data.listen,
    publicUrl: data.publicUrl,
    storePath: data.store,
    tokens: data.api?.tokens ?? [],
    metricsToken: data.metrics?.token,
    parallel: data.deployments.parallel,
    graceMs: data.deployments.grace,
    keepMs: data.deployments.keep,
    limits: data.limits,
    isTrustedProxy: data.trustedProxies,
    dashboard: data.dashboard,
    notifiers: setUpNotifiers(data.notifiers, deploymentsUrlOf(data)),
    services: new Map(services.map((service) => [service.name, service])),
  };
}

/** Below it, at its number, a deployment is shown to people: by the dashboard, or as JSON where there is none. */
function deploymentsUrlOf({ publicUrl, dashboard }: ConfigData): string | undefined {
  if (publicUrl === undefined) return undefined;
  return `${publicUrl}/${dashboard.enabled ? "dashboard/#" : "api"}/deployments`;
}

function formatProblems(problems: readonly Problem[], file: string): string[] {
  const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  return [...new Set(sorted.map((problem) => formatProblem(file, problem)))];
}
