import { type Document, isNode, isPair, isScalar, isSeq, type Scalar, visit } from "yaml";
import { missingVariable } from "./secret.ts";

export interface InterpolationProblem {
  path: string[];
  message: string;
}

/**
 * Puts environment variables into the values of a parsed document: `${NAME}`. `$${NAME}` stays as `${NAME}`.
 * Working on the parsed values means that a variable's content can never change the document's structure. Values that
 * are templates are left as they are.
 */
export function interpolate(
  document: Document,
  environment: Readonly<Record<string, string | undefined>>,
  isTemplate: (path: readonly string[]) => boolean,
): InterpolationProblem[] {
  const problems: InterpolationProblem[] = [];
  visit(document, {
    Scalar(key, node, ancestors) {
      if (key === "key" || typeof node.value !== "string") return;
      if (!node.value.includes("${")) return;
      const path = pathOf([...ancestors, node]);
      if (isTemplate(path)) return;
      for (const message of interpolateScalar(node as Scalar<string>, environment)) {
        problems.push({ path, message });
      }
    },
  });
  return problems;
}

function interpolateScalar(
  node: Scalar<string>,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const problems: string[] = [];
  node.value = node.value.replace(/(\$?)\$\{([^}]*)\}/g, (whole, escaping: string, name: string) => {
    if (escaping !== "") return whole.slice(1);
    const value = environment[name];
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      problems.push(`\${${name}} is not \${NAME}; write $\${${name}} for the text itself`);
    } else if (value === undefined) {
      problems.push(`${missingVariable(name)}, or write $\${${name}} for the text itself`);
    }
    return value ?? whole;
  });
  return problems;
}

function pathOf(ancestors: readonly unknown[]): string[] {
  return ancestors.flatMap((node, index) => {
    if (isPair(node)) return [String(isScalar(node.key) ? node.key.value : node.key)];
    const parent = ancestors[index - 1];
    return isSeq(parent) && isNode(node) ? [String(parent.items.indexOf(node))] : [];
  });
}
