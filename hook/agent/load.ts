import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseYaml, tooManyValues, valuesOf } from "../config/document.ts";
import { createFields } from "../config/fields.ts";
import { interpolate } from "../config/interpolation.ts";
import type { Environment } from "../config/load.ts";
import { formatProblem, place, problemsOf } from "../config/problem.ts";
import { isJsonObject } from "../json.ts";
import type { Given } from "./arguments.ts";
import { type AgentSetting, agentSchema, settingOf } from "./setting.ts";

export type AgentSettingResult = { setting: AgentSetting } | { problems: string[] };

/** The file, if there is one, and over it what flags and variables say. */
export function loadAgentSetting(
  file: string | undefined,
  given: Given,
  environment: Environment,
): AgentSettingResult {
  if (file === undefined) return parseAgentSetting("", undefined, given, environment);
  try {
    return parseAgentSetting(readFileSync(file, "utf8"), file, given, environment);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const meaning = code === "ENOENT" ? "there is no such file" : `cannot be read (${code})`;
    return { problems: [`${file}: ${meaning}; name the configuration with --config`] };
  }
}

export function parseAgentSetting(
  text: string,
  file: string | undefined,
  given: Given,
  environment: Environment,
): AgentSettingResult {
  const name = file ?? "";
  const parsedFile = parseYaml(text, name);
  if ("problems" in parsedFile) return parsedFile;
  const { document } = parsedFile;
  const directory = dirname(resolve(name || "agent.yaml"));
  const schema = agentSchema(createFields({ environment, directory }));
  const places = { ...parsedFile, schema };
  const missing = interpolate(document, environment, () => false).map(({ path, message }) =>
    formatProblem(name, place(path, message, places)),
  );
  const content = valuesOf(document)?.values;
  if (content === undefined) return { problems: [`${name}:1:1: ${tooManyValues}`] };
  if (!isJsonObject(content))
    return { problems: [`${name}: must be keys with values, such as etcdPrefix: /deployer`] };
  const overlay = Object.fromEntries([...given].map(([key, { value }]) => [key, value]));
  const parsed = schema.safeParse({ ...content, ...overlay });
  const wrong = (parsed.error?.issues ?? []).flatMap((issue) => {
    const from = given.get(String(issue.path[0]))?.from;
    if (from !== undefined) return [`${from}: ${issue.message}`];
    return problemsOf(issue, places).map((problem) =>
      file === undefined
        ? `${problem.path}${problem.path && ": "}${problem.message}`
        : formatProblem(file, problem),
    );
  });
  const problems = [...new Set([...missing, ...wrong])];
  if (problems.length > 0 || !parsed.success) return { problems };
  return { setting: settingOf(parsed.data, directory, environment) };
}
