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

/** What was written, and what was left because it was there. */
export function describeWritten(choices: Choices, kept: readonly string[]): string {
  const { site, folder, ci, engine } = choices;
  const what =
    site.kind === "template"
      ? `the ${site.template} template`
      : `a Dockerfile for ${site.found.generator.title}`;
  const parts = [what, ...(ci ? [`a release with ${ci.title}`] : []), ...(engine ? [engine.title] : [])];
  const left = kept.length === 0 ? "" : `Left as they were, because they were there: ${kept.join(", ")}.\n`;
  return `Wrote ${parts.join(", ")} to ${folder}. ${left}`.trimEnd();
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
