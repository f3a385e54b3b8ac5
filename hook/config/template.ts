import { findNearest } from "./nearest.ts";

/** A text of the config with `${name}`s in it, for each of which there is a value. */
export interface Template {
  /** Values may come from a webhook: `escapeValue` is for them alone, not for what the operator wrote. */
  fill(values: Readonly<Record<string, string>>, escapeValue?: (value: string) => string): string;
}

export type TemplateResult = { template: Template } | { problems: string[] };

/** Only names of the list are known; there are no expressions, so that a template can do nothing but be filled in. */
export function parseTemplate(text: string, names: readonly string[]): TemplateResult {
  const problems = [...text.matchAll(placeholder)].flatMap(([, escaping, name = ""]) =>
    escaping !== "" || names.includes(name) ? [] : [unknownName(name, names)],
  );
  if (problems.length > 0) return { problems: [...new Set(problems)] };
  return { template: { fill: (values, escapeValue) => fill(text, values, escapeValue) } };
}

/** `$${name}` stands for `${name}` itself. */
const placeholder = /(\$?)\$\{([^}]*)\}/g;

function fill(
  text: string,
  values: Readonly<Record<string, string>>,
  escapeValue: (value: string) => string = (value) => value,
): string {
  return text.replace(placeholder, (whole, escaping: string, name: string) =>
    escaping === "" ? escapeValue(values[name] ?? "") : whole.slice(1),
  );
}

function unknownName(name: string, names: readonly string[]): string {
  const nearest = findNearest(name, names);
  const known = names.map((one) => `\${${one}}`).join(", ");
  return `\${${name}} is not known here; ${
    nearest === undefined ? `known: ${known}` : `did you mean \${${nearest}}?`
  }`;
}
