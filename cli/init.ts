import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { type OwnCommand, type ParsedArguments, UsageError } from "./command.ts";
import { suggestion } from "./nearest.ts";
import { copyTemplate, findTemplatesFolder, listTemplates } from "./templates.ts";

const usage = "statigo init <template> [folder]";

export const initCommand: OwnCommand = {
  kind: "own",
  name: "init",
  usage,
  summary: "Copy a template: a small working site with its Dockerfile",
  details: () =>
    [
      `Templates: ${listTemplates(findTemplatesFolder()).join(", ")}`,
      "The folder is made when it is absent; without one, it is named after the template.",
      "Nothing is ever overwritten: a folder with something in it is refused.",
    ].join("\n"),
  options: {},
  run: init,
};

async function init({ positionals }: ParsedArguments): Promise<number> {
  const [template, folder = template, ...extra] = positionals;
  const templatesFolder = findTemplatesFolder();
  const known = listTemplates(templatesFolder);
  if (template === undefined || folder === undefined) {
    throw new UsageError(`which template? One of: ${known.join(", ")}. Usage: ${usage}`);
  }
  if (extra.length > 0) throw new UsageError(`too many arguments: ${extra.join(" ")}. Usage: ${usage}`);
  if (!known.includes(template)) {
    const list = `The templates are: ${known.join(", ")}.`;
    throw new UsageError(`there is no template '${template}'.${suggestion(template, known)} ${list}`);
  }
  const target = resolve(folder);
  const refusal = refuseTarget(target, folder);
  if (refusal !== undefined) throw new UsageError(refusal);
  mkdirSync(target, { recursive: true });
  copyTemplate(join(templatesFolder, template), target);
  process.stdout.write(describeNextSteps(template, folder, target));
  return 0;
}

/** Why a site cannot be written there, or undefined when it can: absent and empty folders are both fine. */
function refuseTarget(target: string, folder: string): string | undefined {
  if (!existsSync(target)) return undefined;
  if (!statSync(target).isDirectory()) return `'${folder}' is a file; name a folder that does not exist yet.`;
  const count = readdirSync(target).length;
  if (count === 0) return undefined;
  const things = count === 1 ? "one file or folder" : `${count} files or folders`;
  return `'${folder}' has ${things} in it already, and nothing is ever overwritten; name another folder.`;
}

/** An image is named after its folder, as far as Docker's rule for names allows. */
export function imageNameFor(target: string): string {
  const name = basename(target)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return name === "" ? "my-site" : name;
}

/** A path as it can be pasted into a shell. */
function quote(path: string): string {
  return /^[A-Za-z0-9_./@%+,:=-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function describeNextSteps(template: string, folder: string, target: string): string {
  const image = imageNameFor(target);
  const here = relative(process.cwd(), target) === "";
  const steps = [
    ...(here ? [] : [`cd ${quote(folder)}`]),
    `docker build -t ${image} .`,
    `docker run --rm -p 3000:3000 ${image}`,
  ];
  const lines = steps.map((step) => `  ${step}\n`).join("");
  return `Wrote the ${template} template to ${folder}. Next:

${lines}
Then open http://localhost:3000

The Dockerfile builds on the image 'statigo'. If this machine has none yet, build it once, in statigo's repository:
docker build -t statigo -f Dockerfile.base .
`;
}
