import type { ParsedArguments } from "../command.ts";
import { describeProject } from "../project-hint.ts";
import { checkFolder } from "../site-folder.ts";
import { print, printJson, say } from "../terminal.ts";
import { readCheckOptions } from "./options.ts";
import { describeResult } from "./report.ts";
import { SiteChecker } from "./site.ts";

/** Resolves to the exit status: 0 where nothing was found, 1 where something was. */
export async function check(parsed: ParsedArguments): Promise<number> {
  const options = readCheckOptions(parsed, (name) => process.env[name] ?? "");
  const folder = options.server.rootDirectory;
  checkFolder(folder);
  const hint = describeProject(folder, "check", options.server.isSinglePage);
  if (hint !== undefined) say(hint);
  const result = new SiteChecker(options).run();
  const isWhole = parsed.options["all"] === true;
  if (parsed.options["json"] === true) printJson({ folder, ...result });
  else print(describeResult(folder, result, isWhole, process.stdout));
  return result.findings.length === 0 ? 0 : 1;
}
