/** The pieces of configs that the docs show, each made whole: what can be loaded is what users copy. */
import { readdirSync, readFileSync } from "node:fs";
import { parse, stringify } from "yaml";
import { newSigningKey } from "../../hook/secret/secret.ts";
import { secretOf } from "./hook.ts";

const docs = new URL("../../docs/", import.meta.url);

/** @param file below docs/ */
export function blocksOf(file: string, language: string): string[] {
  const text = readFileSync(new URL(file, docs), "utf8");
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(
    ([, block = ""]) => block,
  );
}

/** An example shows what it is about; what every service needs beside it is added here. */
export function completeConfig(example: string): string {
  const { services = {}, ...config } = parse(example) as { services?: Record<string, object | null> };
  const complete = Object.entries(services).map(([name, service]) => {
    const rest = { image: "acme/blog", secret: secretOf(name), target: { command: { run: ["/bin/true"] } } };
    return [name, { ...rest, ...service }];
  });
  const either = complete.length > 0 ? Object.fromEntries(complete) : { blog: parse("{}") };
  return stringify({ store: "./hook.db", ...config, services: either });
}

/** Every variable that an example names is set: to a key, which does for a secret as well. */
export function environmentOf(example: string): Record<string, string> {
  const names = [...example.matchAll(/\$\{(\w+)\}|env: (\w+)/g)].map(([, inner, env]) => inner ?? env ?? "");
  return Object.fromEntries(names.map((name) => [name, newSigningKey().replaceAll(/[+/=]/g, "A")]));
}

/** Below docs/. */
export const hookPages: readonly string[] = ["hook", "targets"].flatMap((folder) =>
  readdirSync(new URL(folder, docs))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `${folder}/${name}`),
);
