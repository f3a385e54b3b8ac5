import { join } from "node:path";
import { readTemplate, type SiteFile } from "../templates.ts";
import { byName, type Choices, hostOf } from "./choices.ts";
import { composeDockerfile, composeDockerignore } from "./dockerfile.ts";
import type { Parts } from "./parts.ts";
import { substitute, type Values } from "./substitute.ts";

/** The time zone that the templates' own Dockerfiles have. */
const templateTimezone = "Europe/London";
/** A pull request from a fork is given no secrets, only a token to read with. */
const hasSecrets =
  "github.event_name == 'push' || github.event.pull_request.head.repo.full_name == github.repository";
export const hookConfig = "deploy/hook.yaml";

/** Every file that the choices lead to. `secretHash` is what the hook knows of its secret. */
export function planFiles(
  choices: Choices,
  templatesFolder: string,
  parts: Parts,
  secretHash: string,
): SiteFile[] {
  const { site, timezone, ci, engine } = choices;
  const siteFiles =
    site.kind === "template"
      ? templateFiles(join(templatesFolder, site.template), timezone)
      : [
          { path: "Dockerfile", content: composeDockerfile(site.found, timezone, parts) },
          { path: ".dockerignore", content: composeDockerignore(site.found) },
        ];
  return [
    ...siteFiles,
    ...(ci === undefined ? [] : [ciFile(choices, ci, parts)]),
    ...(engine === undefined ? [] : engineFiles(choices, engine, parts, secretHash)),
  ];
}

function templateFiles(template: string, timezone: string): SiteFile[] {
  return readTemplate(template).map(({ path, content }) =>
    path === "Dockerfile"
      ? { path, content: `${content}`.replaceAll(templateTimezone, timezone) }
      : { path, content },
  );
}

function commonValues({ name, image, base, host, hookUrl }: Choices): Values {
  return { name, image, base, host, hookUrl };
}

/** As systemd's units have it; all other engines run the image, which has it itself. */
function environmentOf({ site }: Choices, { generators }: Parts): string {
  const generator = site.kind === "template" ? byName(generators, site.template) : site.found.generator;
  const variables = Object.entries(generator.environment ?? {});
  return variables.map(([name, value]) => `Environment=${name}=${value}`).join("\n");
}

export function loginOf({ registry }: Choices, ci: { login: string }): string {
  return registry.login?.[ci.login] ?? "password";
}

/** The secrets that the CI's login needs, beside the webhook's URL. */
export function loginSecrets(choices: Choices, ci: { login: string }, parts: Parts): string[] {
  return parts.logins[ci.login]?.[loginOf(choices, ci)]?.secrets ?? [];
}

function ciFile(choices: Choices, ci: NonNullable<Choices["ci"]>, parts: Parts): SiteFile {
  const login = loginOf(choices, ci);
  const region = new RegExp(choices.registry.host).exec(choices.image)?.groups?.["region"] ?? "";
  const loginWith = (condition: string) =>
    substitute(parts.read(`login/${ci.login}-${login}.yml`), {
      condition,
      registryHost: hostOf(choices.image),
      registryRegion: region,
    }).trimEnd();
  const secrets = loginSecrets(choices, ci, parts);
  const content = substitute(parts.read(`ci/${ci.file}`), {
    ...commonValues(choices),
    secrets: secrets.length === 0 ? "" : `#   ${secrets.join(", ")}  to push to ${choices.registry.title}`,
    permissions: (parts.logins[ci.login]?.[login]?.permissions ?? []).join("\n"),
    runner: ci.runner ?? "",
    login: loginWith(""),
    loginForTest: loginWith(login === "token" ? "" : `\n  if: ${hasSecrets}`),
  });
  return { path: ci.to, content };
}

function engineFiles(
  choices: Choices,
  engine: NonNullable<Choices["engine"]>,
  parts: Parts,
  secretHash: string,
): SiteFile[] {
  const values = { ...commonValues(choices), environment: environmentOf(choices, parts) };
  const files = Object.entries(engine.files).map(([part, to]) => ({
    path: substitute(to, values),
    content: substitute(parts.read(`engine/${part}`), values),
  }));
  const hook = substitute(parts.read("hook.yaml"), {
    ...values,
    secretHash,
    store: engine.store ?? "./hook.db",
    target: substitute(parts.read(`engine/${engine.name}/target.yaml`), values).trimEnd(),
  });
  return [...files, { path: hookConfig, content: hook }];
}
