import {
  type Document,
  isAlias,
  isCollection,
  LineCounter,
  parseDocument,
  visit,
  YAMLParseError,
  type YAMLWarning,
} from "yaml";
import { formatProblem, type Problem } from "./problem.ts";

/** The file as YAML, with where its parts stand, or what keeps it from being read, a line each. */
export type DocumentResult = { document: Document.Parsed; lines: LineCounter } | { problems: string[] };

export function parseYaml(text: string, file: string): DocumentResult {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" });
  const wrong = [...document.errors, ...document.warnings].map((error) => syntaxProblem(error, lines));
  const problems = wrong.length > 0 ? wrong : findMisuses(document, lines);
  if (problems.length === 0) return { document, lines };
  return { problems: problems.map((problem) => formatProblem(file, problem)) };
}

export const tooManyValues = "its aliases make more of it than a config can be";

/** A document's plain values. `undefined` for one whose aliases multiply, a small file with billions of values. */
export function valuesOf(document: Document): { values: unknown } | undefined {
  try {
    return { values: document.toJS() ?? {} };
  } catch (error) {
    // What the library throws at more than a hundred values for an alias.
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}

/**
 * Aliases without an anchor, which the library finds only when it makes plain values, and throws; a value that starts
 * with a `*` is one. And lists and maps as keys, which it would make one long text of, with the secrets in them.
 */
function findMisuses(document: Document.Parsed, lines: LineCounter): Problem[] {
  const problems: Problem[] = [];
  const add = (offset: number | undefined, message: string) =>
    problems.push(problemAt(offset ?? 0, message, lines));
  visit(document, {
    Alias(_key, node) {
      if (node.resolve(document) === undefined)
        add(
          node.range?.[0],
          `there is no \`&${node.source}\` before it; put the value into quotes if the * belongs to it`,
        );
    },
    Pair(_key, { key }) {
      const keyNode = isAlias(key) ? key.resolve(document) : key;
      if (isCollection(keyNode)) add(keyNode.range?.[0], "a key is a text, not a list or a map of its own");
    },
  });
  return problems;
}

/** Where the library's words speak to a programmer. */
const wordings: readonly (readonly [pattern: RegExp, message: string])[] = [
  [/^Maximum call stack/, "it is nested too deeply"],
  [/^Source contains multiple documents/, "a second document starts with this `---`; a config is one"],
];

function syntaxProblem(error: YAMLParseError | YAMLWarning | Error, lines: LineCounter): Problem {
  const offset = error instanceof YAMLParseError ? error.pos[0] : 0;
  const [, own] = wordings.find(([pattern]) => pattern.test(error.message)) ?? [];
  const message = own ?? error.message.charAt(0).toLowerCase() + error.message.slice(1);
  return problemAt(offset, message, lines);
}

function problemAt(offset: number, message: string, lines: LineCounter): Problem {
  const { line, col: column } = lines.linePos(offset);
  return { line, column, path: "", message };
}
