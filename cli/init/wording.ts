import { relative } from "node:path";
import type { Choices } from "./choices.ts";
import type { Parts } from "./parts.ts";
import { hookConfig, loginSecrets } from "./plan.ts";

/** A path as it can be pasted into a shell. */
function quote(path: string): string {
  return /^[A-Za-z0-9_./@%+,:=-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function commands(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}\n`).join("");
}

/** What was written, by the paths of all that was planned, and what was left because it was there. */
export function describeWritten(
  choices: Choices,
  planned: readonly string[],
  kept: readonly string[],
): string {
  const written = planned.filter((path) => !kept.includes(path));
  const place = choices.folder === "." ? "this folder" : choices.folder;
  const parts = describeParts(choices, written);
  const wrote = parts.length === 0 ? `Wrote nothing to ${place}.` : `Wrote ${parts.join(", ")} to ${place}.`;
  return kept.length === 0
    ? wrote
    : `${wrote} Left as they were, because they were there: ${kept.join(", ")}.`;
}

function describeParts({ site, ci, engine }: Choices, written: readonly string[]): string[] {
  const has = (path: string) => written.includes(path);
  return [
    ...(site.kind === "template" ? [`the ${site.template} template`] : []),
    ...(site.kind === "existing" && has("Dockerfile")
      ? [`a Dockerfile for ${site.found.generator.title}`]
      : []),
    ...(site.kind === "existing" && !has("Dockerfile") && has(".dockerignore") ? ["a .dockerignore"] : []),
    ...(ci !== undefined && has(ci.to) ? [`a release with ${ci.title}`] : []),
    ...(engine !== undefined && written.some((path) => path.startsWith("deploy/")) ? [engine.title] : []),
  ];
}

/** The commands that lead to a page. */
export function describeNextSteps({ folder, target }: Choices, imageName: string): string {
  const here = relative(process.cwd(), target) === "";
  return `Next:

${commands([
  ...(here ? [] : [`cd ${quote(folder)}`]),
  `docker build -t ${imageName} .`,
  `docker run --rm -p 3000:3000 ${imageName}`,
])}
Then open http://localhost:3000

The Dockerfile builds on the image 'statigo'. If this machine has none yet, build it once, in statigo's repository:
docker build -t statigo -f Dockerfile.base .
`;
}

/** What the CI needs that no file can have. */
export function describeCi(choices: Choices, parts: Parts): string {
  const { ci, base, image } = choices;
  if (ci === undefined) return "";
  const secrets = loginSecrets(choices, ci, parts);
  const login =
    secrets.length === 0 ? "" : `It needs these secrets to push to ${image}: ${secrets.join(", ")}.\n`;
  return `
${ci.title} builds on ${base}, which is to be pushed once:

${commands([`docker tag statigo ${base}`, `docker push ${base}`])}${login === "" ? "" : `\n${login}`}`;
}

/** The only time that the secret is seen. */
export function describeWebhook(choices: Choices, secret: string): string {
  const { ci, name, hookUrl, registry } = choices;
  const place =
    ci === undefined
      ? `Paste it where the registry sends its webhooks from (${registry.webhook}):`
      : `Paste it into the secret DEPLOY_WEBHOOK of ${ci.title}, or instead where the registry sends its webhooks from
(${registry.webhook}):`;
  return `
The webhook's URL, with the secret that is shown this once; ${hookConfig} has only its hash.
${place}

${commands([`${hookUrl}/hooks/${name}/${secret}`])}`;
}
