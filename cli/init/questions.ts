import { cancel, confirm, intro, isCancel, select, text } from "@clack/prompts";
import { CommandError, exitStatus } from "../exit-status.ts";
import { byName, suggestedImage } from "./choices.ts";
import type { ExistingSite } from "./existing-site.ts";
import { checks, type Given } from "./options.ts";
import type { Parts } from "./parts.ts";

/** Ctrl-C and Escape end everything: nothing was written yet. */
function answered<Answer>(answer: Answer): Exclude<Answer, symbol> {
  if (!isCancel(answer)) return answer as Exclude<Answer, symbol>;
  cancel("Nothing was written.");
  throw new CommandError("cancelled: nothing was written", exitStatus.interrupted);
}

interface Part {
  name: string;
  title: string;
}

async function choose(message: string, parts: readonly Part[], initialValue: string): Promise<string> {
  const options = parts.map(({ name, title }) => ({ value: name, label: title, hint: name }));
  return answered(await select({ message, options, initialValue }));
}

async function enter(message: string, initialValue: string, check: (value: string) => string | undefined) {
  const validate = (value: string | undefined) => check(value ?? "");
  return answered(await text({ message, initialValue, validate }));
}

export function introduce(): void {
  intro("statigo init");
}

/** Whether the site that was found is the one that is meant. */
export async function askForExisting({ generator }: ExistingSite, folder: string): Promise<boolean> {
  const place = folder === "." ? "This" : folder;
  return answered(
    await confirm({ message: `${place} is a site made with ${generator.title}. Write a Dockerfile for it?` }),
  );
}

export async function askForTemplate(templates: readonly string[], parts: Parts): Promise<string> {
  const titled = templates.map((name) => ({ name, title: byName(parts.generators, name).title }));
  return choose("Which template?", titled, "html");
}

export function askForFolder(
  template: string,
  refuse: (folder: string) => string | undefined,
): Promise<string> {
  return enter("Which folder?", template, (value) => (value === "" ? "a folder's name" : refuse(value)));
}

/** Asks for what was not said, one question after the other; what nobody needs is not asked for. */
export async function askForRest(
  given: Given,
  parts: Parts,
  usual: { name: string; owner: string; timezone: string; host: string; hookUrl: string },
): Promise<Given> {
  const none = { name: "none", title: "none" };
  const ask = (option: keyof Given, message: string, initialValue: string) =>
    given[option] ?? enter(message, initialValue, (value) => checks[option](value, parts));
  const ci = given.ci ?? (await choose("Which CI builds and pushes it?", [...parts.ci, none], "none"));
  const engine = given.engine ?? (await choose("What will run it?", [...parts.engines, none], "none"));
  const answers: Given = { ...given, ci, engine };
  if (ci !== "none" || engine !== "none") {
    const fitting = ci === "none" ? "docker-hub" : byName(parts.ci, ci).registry;
    const registry =
      given.registry ??
      (given.image === undefined ? await choose("Which registry?", parts.registries, fitting) : undefined);
    const image =
      registry === undefined
        ? ""
        : suggestedImage(byName(parts.registries, registry), usual.owner, usual.name);
    answers.image = await ask("image", "The image's name, without a tag?", image);
  }
  if (engine !== "none") {
    answers.host = await ask("host", "Where will the site be?", usual.host);
    answers["hook-url"] = await ask("hook-url", "Where is the deploy hook reached?", usual.hookUrl);
  }
  answers.timezone = await ask("timezone", "Which time zone are its dates in?", usual.timezone);
  return answers;
}
