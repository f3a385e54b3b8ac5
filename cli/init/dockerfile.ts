import type { ExistingSite } from "./existing-site.ts";
import type { Generator, Parts } from "./parts.ts";
import { substitute } from "./substitute.ts";

/** Where the stage `build` leaves a site whose generator is told a folder, or that needs none. */
const fixedFolder = "/site";

/** The Dockerfile of a site: `templates/<name>/Dockerfile` are made of the same parts. */
export function composeDockerfile(site: ExistingSite, timezone: string, parts: Parts): string {
  const { generator, packageManager, manifests, script, output } = site;
  const { prepare, install } = packageManager;
  const compressed = substitute(parts.read("dockerfile/compressed.Dockerfile"), {
    from: generator.dockerfile === "node" ? `/build/${output}` : fixedFolder,
    settings: settingsOf(generator),
  });
  return substitute(parts.read(`dockerfile/${generator.dockerfile}.Dockerfile`), {
    timezone,
    manifests: manifests.join(" "),
    install: [...(prepare === undefined ? [] : [prepare]), install].join(" && "),
    command: generator.command ?? "",
    build: `${packageManager.run} ${script}`,
    pages: output,
    compressed,
  });
}

function settingsOf({ environment = {}, because }: Generator): string {
  const variables = Object.entries(environment).map(([name, value]) => `ENV ${name}=${value}`);
  return [...(because === undefined ? [] : [`# ${because}`]), ...variables].join("\n");
}

/** What an image's build is not to be sent, and a site of plain files must not publish. */
export function composeDockerignore({ generator, output }: ExistingSite): string {
  const made = generator.dockerfile === "plain" ? [] : [output];
  const packages = generator.dockerfile === "node" ? ["node_modules"] : [];
  const own = [".git", ".github", ".forgejo", ".gitea", ".gitignore", ".gitlab-ci.yml", ".dockerignore"];
  return [...own, "Dockerfile", "deploy", ...packages, ...made].map((line) => `${line}\n`).join("");
}
