import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { type OwnCommand, type ParsedArguments, UsageError } from "./command.ts";
import type { Choices } from "./init/choices.ts";
import {
  completeChoices,
  machineTimezone,
  usualHookUrl,
  usualHost,
  usualName,
  usualOwner,
} from "./init/complete.ts";
import { type ExistingSite, findSite } from "./init/existing-site.ts";
import { type Given, initOptions, readGiven } from "./init/options.ts";
import { type Parts, readParts } from "./init/parts.ts";
import { hookConfig, planFiles } from "./init/plan.ts";
import { askForExisting, askForFolder, askForRest, askForTemplate, introduce } from "./init/questions.ts";
import { makeSecret } from "./init/secret.ts";
import { describeCi, describeNextSteps, describeWebhook, describeWritten } from "./init/wording.ts";
import { drawTree, writeFiles } from "./init/write.ts";
import { suggestion } from "./nearest.ts";
import { findTemplatesFolder, listTemplates } from "./templates.ts";

const usage = "statigo init [template] [folder] [options]";

export const initCommand: OwnCommand = {
  kind: "own",
  name: "init",
  usage,
  summary: "Write a site from a template, or what an existing one needs: Dockerfile, CI, engine, hook",
  details: () =>
    [
      `Templates: ${listTemplates(findTemplatesFolder()).join(", ")}`,
      "The folder is made when it is absent; without one, it is named after the template.",
      "With an existing site's folder in the template's place (or none: this folder) the site stays as it is, and",
      "gets the Dockerfile that fits its generator. Without a template, and on a terminal, it asks.",
      "Nothing is ever overwritten: a template goes into an empty folder, and a file that is there is left.",
    ].join("\n"),
  options: initOptions,
  run: init,
};

type Place = Pick<Choices, "site" | "target" | "folder">;

/** What a command line is worked on with. */
interface Session {
  given: Given;
  parts: Parts;
  templates: string[];
  asks: boolean;
}

async function init({ options, positionals }: ParsedArguments): Promise<number> {
  const templatesFolder = findTemplatesFolder();
  const parts = readParts(templatesFolder);
  const [first, second, ...extra] = positionals;
  if (extra.length > 0) throw new UsageError(`too many arguments: ${extra.join(" ")}. Usage: ${usage}`);
  const templates = listTemplates(templatesFolder);
  const isTemplate = first !== undefined && templates.includes(first);
  const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const asks = isTerminal && !isTemplate && options["yes"] !== true;
  const session: Session = { given: readGiven(options, parts), parts, templates, asks };
  if (asks) introduce();
  const place = isTemplate ? placeOf(first, second ?? first) : await findPlace(first, second, session);
  if (place.site.kind === "template" && session.given.output !== undefined) {
    throw new UsageError("--output is for a site that is there: a template's own build has its folder");
  }
  const choices = await choose(place, session);
  return options["dry-run"] === true
    ? showPlan(choices, templatesFolder, parts)
    : write(choices, templatesFolder, parts);
}

function placeOf(template: string, folder: string): Place {
  const target = resolve(folder);
  const refusal = refuseTarget(target, folder);
  if (refusal !== undefined) throw new UsageError(refusal);
  return { site: { kind: "template", template }, target, folder };
}

/** A site that is there, or else a template that is asked for. */
async function findPlace(
  first: string | undefined,
  second: string | undefined,
  session: Session,
): Promise<Place> {
  const { parts, templates, given, asks } = session;
  const folder = first ?? ".";
  if (second === undefined && folder.includes("/") && !isFolder(folder))
    throw missingFolder(folder, templates);
  if (second !== undefined || !isFolder(folder)) throw unknownTemplate(folder, templates);
  const found = findSite(folder, parts);
  if (found !== undefined && found.generator.dockerfile === undefined) throw withoutDockerfile(found, folder);
  if (found !== undefined && (!asks || (await askForExisting(found, folder)))) {
    const output = given.output ?? found.output;
    return { site: { kind: "existing", found: { ...found, output } }, target: resolve(folder), folder };
  }
  if (asks) return askForPlace(first, session);
  const list = `One of: ${templates.join(", ")}`;
  if (first === undefined) throw new UsageError(`which template? ${list}. Usage: ${usage}`);
  throw new UsageError(
    `'${first}' has nothing in it by which its generator is known. For a new site: ${list}`,
  );
}

function withoutDockerfile({ generator }: ExistingSite, folder: string): UsageError {
  const place = folder === "." ? "this folder" : `'${folder}'`;
  return new UsageError(
    `${place} is a site made with ${generator.title}, for which there is no Dockerfile here; \`statigo image build\` makes its image`,
  );
}

async function askForPlace(first: string | undefined, { templates, parts }: Session): Promise<Place> {
  const template = await askForTemplate(templates, parts);
  const folder = first ?? (await askForFolder(template, (typed) => refuseTarget(resolve(typed), typed)));
  return placeOf(template, folder);
}

/** With a slash it is no template's name. */
function missingFolder(folder: string, templates: readonly string[]): UsageError {
  const what = existsSync(folder) ? `'${folder}' is a file` : `there is no folder '${folder}'`;
  const list = `One of: ${templates.join(", ")}`;
  return new UsageError(
    `${what}; a new site there is made of a template: statigo init <template> ${folder}. ${list}`,
  );
}

function unknownTemplate(name: string, templates: readonly string[]): UsageError {
  const list = `The templates are: ${templates.join(", ")}.`;
  return new UsageError(`there is no template '${name}'.${suggestion(name, templates)} ${list}`);
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

async function choose(place: Place, { given, parts, asks }: Session): Promise<Choices> {
  const imageName = imageNameFor(place.target);
  const name = usualName(imageName, given);
  const usual = {
    name,
    owner: usualOwner(place.target),
    timezone: machineTimezone(),
    host: usualHost(name),
    hookUrl: usualHookUrl,
  };
  const answers = asks ? await askForRest(given, parts, usual) : given;
  return completeChoices(answers, { ...place, imageName }, parts);
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

function showPlan(choices: Choices, templatesFolder: string, parts: Parts): number {
  const paths = planFiles(choices, templatesFolder, parts, "").map(({ path }) => path);
  const there = paths.filter((path) => existsSync(join(choices.target, path)));
  const notes = Object.fromEntries(there.map((path) => [path, "is there, and stays"]));
  process.stdout.write(drawTree(choices.folder, paths, notes));
  return 0;
}

async function write(choices: Choices, templatesFolder: string, parts: Parts): Promise<number> {
  // A hook's entry that is there has its own secret: another one would be for nothing.
  const needsSecret = choices.engine !== undefined && !existsSync(join(choices.target, hookConfig));
  const fresh = needsSecret ? await makeSecret() : undefined;
  const files = planFiles(choices, templatesFolder, parts, fresh?.sha256 ?? "");
  const paths = files.map(({ path }) => path);
  const kept = writeFiles(choices.target, files);
  const text = [
    `${describeWritten(choices, paths, kept)} ${describeNextSteps(choices, imageNameFor(choices.target))}`,
    describeCi(choices, parts),
    fresh === undefined ? "" : describeWebhook(choices, fresh.secret),
  ];
  process.stdout.write(text.join(""));
  return 0;
}
