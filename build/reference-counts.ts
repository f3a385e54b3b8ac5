/**
 * Takes needless reference counting out of the C that scriptc emits: about a third of a request's instructions.
 *
 * scriptc counts every value that it touches, and lets the called function give back its arguments. Where a counted
 * reference is certain to outlive the use of another one to the same value, the other need not be counted:
 *
 * - text of the program itself is never freed;
 * - a temporary that stands for a local, a global or a field that nobody can change meanwhile;
 * - a local that stands for a field which only constructors set;
 * - an argument: the caller has a reference for as long as the call takes.
 *
 * The emitted C has one statement a line and a name for every value, so lines are all that is read here; what is not
 * of a known form is left as it is. The sanitizer build goes through here too: it reports every count that is off.
 *
 * The form is that of one version of scriptc: of another one, or where next to nothing was found to drop, the build fails
 * and says what to do. `--keep-counts` builds without all this.
 */

/** The version whose emitted C was read, with its sanitizer build under the wire tests. */
export const checkedScriptcVersion = "0.1.7";
/** Of the counted temporaries a quarter is left; where a form is no longer known, it would be more. */
const mostLeft = 0.4;

interface CFunction {
  readonly name: string;
  readonly lines: string[];
  /** Of braces, before each line. */
  readonly depths: readonly number[];
  /** For each temporary and local, the lines that name it. */
  readonly mentions: ReadonlyMap<string, readonly number[]>;
  readonly parameters: ReadonlyMap<string, number>;
  /** Temporaries that were found to be looked at only. */
  readonly borrowed: Set<string>;
}

interface Program {
  /** Set by constructors alone. */
  readonly constantFields: ReadonlySet<string>;
  /** Set once, at the start. */
  readonly constantGlobals: ReadonlySet<string>;
}

/** A temporary that is given a counted reference. */
interface Temporary {
  readonly name: string;
  readonly line: number;
  readonly source: string;
}

const retainPattern = "sc_retain_\\w+|scr_(?:str|bytes|arr|union|map|closure|box)_retain";
const definitionForm = new RegExp(`^\\s*\\w+ \\*(sc_t\\d+) = (?:${retainPattern})\\((.+)\\);$`);
const aliasForm = /^\s*(?:\w+ \*)?(\w+) = (sc_[tl]_?\w+);$/;
const releaseForm = /^\s*(sc_release_\w+|scr_\w+_release)\((\w+)\);$/;
const callForm = /\b([a-zA-Z_]\w*)\(/g;
/** Calls that run nothing of the program and free nothing. */
const harmless = new RegExp(
  `^(?:${retainPattern}|if|for|while|switch|scr_str_eq|scr_exc_pending|sc_bytes_[gs]et_\\w+|scr_bytes_compare` +
    "|scr_bytes_index_of_num|scr_union_peek|scr_math_\\w+|floor|trunc|fmod)$",
);
const exitForm = /^\s*(?:return\b|goto |break;|continue;)/;

function withoutComment(line: string): string {
  return line.replace(/ \/\*.*\*\/$/, "");
}

function names(line: string): Set<string> {
  return new Set(line.match(/\bsc_(?:t\d+|l_\w+)\b/g) ?? []);
}

function readFunction(head: string, body: readonly string[], borrowed = new Set<string>()): CFunction {
  const lines = [...body];
  const depths: number[] = [];
  const mentions = new Map<string, number[]>();
  let depth = 0;
  for (const [index, line] of lines.entries()) {
    const code = line.replace(/"(?:[^"\\]|\\.)*"/g, "").replace(/\/\*.*?\*\//g, "");
    const opened = code.split("{").length - 1;
    const closed = code.split("}").length - 1;
    // A line that closes one block and opens another is of the outer depth.
    depths.push(code.trimStart().startsWith("}") ? depth - 1 : depth);
    depth += opened - closed;
    for (const name of names(line)) {
      const known = mentions.get(name);
      if (known === undefined) mentions.set(name, [index]);
      else known.push(index);
    }
  }
  const list = head.slice(head.indexOf("(") + 1, head.lastIndexOf(")")).split(", ");
  const parameters = new Map<string, number>();
  for (const [index, parameter] of list.entries()) {
    const name = / \*(sc_l_\w+)$/.exec(parameter)?.[1];
    if (name !== undefined) parameters.set(name, index);
  }
  return { name: /(\w+)\(/.exec(head)?.[1] ?? "", lines, depths, mentions, parameters, borrowed };
}

function linesOf(fn: CFunction, name: string): { index: number; line: string }[] {
  return (fn.mentions.get(name) ?? [])
    .map((index) => ({ index, line: withoutComment(fn.lines[index] ?? "") }))
    .filter(({ line }) => names(line).has(name));
}

function isReleaseOf(line: string, name: string): boolean {
  return releaseForm.exec(withoutComment(line))?.[2] === name;
}

/** The last line of the block that the line at `index` stands in. */
function blockEnd(fn: CFunction, index: number): number {
  const depth = fn.depths[index] ?? 0;
  let end = index;
  while (end + 1 < fn.lines.length && (fn.depths[end + 1] ?? 0) >= depth) end++;
  return end;
}

/** Where the use at `use` ends for what was made at `from`: in a loop between, it may come again until the loop ends. */
function useEnd(fn: CFunction, from: number, use: number): number {
  let end = use;
  let depth = fn.depths[use] ?? 0;
  for (let index = use; index > from; index--) {
    if ((fn.depths[index] ?? 0) >= depth) continue;
    depth = fn.depths[index] ?? 0;
    if (/^\s*(?:for|while|do)\b/.test(fn.lines[index] ?? "")) end = Math.max(end, blockEnd(fn, index + 1));
  }
  return end;
}

/** Whether the block that starts behind `index` leaves what is around it, so that nothing in it matters for what follows. */
function leaves(fn: CFunction, index: number): boolean {
  const end = blockEnd(fn, index + 1);
  return end > index && exitForm.test(fn.lines[end] ?? "");
}

/** Lines from `from` to `to`, both left out, that may run before the one at `to`. */
function* linesBetween(fn: CFunction, from: number, to: number): Generator<string> {
  for (let index = from + 1; index < to; index++) {
    const line = fn.lines[index] ?? "";
    yield line;
    const end = line.endsWith("{") ? blockEnd(fn, index + 1) : index;
    if (end > index && end < to && leaves(fn, index)) index = end;
  }
}

function assigns(line: string, name: string): boolean {
  return new RegExp(`(?:^|[ ;])${name} = `).test(line);
}

function frees(line: string): boolean {
  for (const [, callee = ""] of withoutComment(line).matchAll(callForm))
    if (!harmless.test(callee)) return true;
  return false;
}

/** Whether a local keeps its value, and its reference to it, from one line to another. */
function isLocalSteady(fn: CFunction, name: string, from: number, to: number): boolean {
  if (linesOf(fn, name).some(({ line }) => line.includes(`&${name}`))) return false;
  for (const line of linesBetween(fn, from, to))
    if (assigns(line, name) || isReleaseOf(line, name)) return false;
  return true;
}

function isTemporarySteady(program: Program, fn: CFunction, name: string, from: number, to: number): boolean {
  const uses = linesOf(fn, name);
  const [first] = uses;
  if (first === undefined) return false;
  const line = withoutComment(first.line);
  const releases = uses.filter((use) => isReleaseOf(use.line, name));
  if (releases.length > 0) {
    // A counted one: it has to be given back later, in the same block or one around.
    const depth = fn.depths[from] ?? 0;
    const own = releases.filter(({ index }) => (fn.depths[index] ?? 0) <= depth);
    return own.some(({ index }) => index > to) && own.every(({ index }) => index > to || index < from);
  }
  const source = /^\s*\w+ \*sc_t\d+ = (.+);$/.exec(line)?.[1];
  return source !== undefined && isSteady(program, fn, source, from, to);
}

/** A constructor itself may set a field that it has read before. */
function isConstant(program: Program, fn: CFunction, field: string): boolean {
  return program.constantFields.has(field) && !fn.name.endsWith("_constructor");
}

/** Whether what an expression gives at one line is sure to be there until another. */
function isSteady(program: Program, fn: CFunction, source: string, from: number, to: number): boolean {
  if (/^sc_g_\w+$/.test(source)) return program.constantGlobals.has(source);
  if (/^sc_l_\w+$/.test(source)) return isLocalSteady(fn, source, from, to);
  const peeked = /^\(\w+ \*\)scr_union_peek\((sc_t\d+)\)$/.exec(source)?.[1];
  if (peeked !== undefined) return isTemporarySteady(program, fn, peeked, from, to);
  const [, owner, field] = /^(sc_[tl]_?\w+)->(sc_fld_\w+)$/.exec(source) ?? [];
  if (owner === undefined || field === undefined) return false;
  const isOwnerSteady = owner.startsWith("sc_l_")
    ? isLocalSteady(fn, owner, from, to)
    : isTemporarySteady(program, fn, owner, from, to);
  if (!isOwnerSteady) return false;
  if (isConstant(program, fn, field)) return true;
  for (const line of linesBetween(fn, from, to))
    if (frees(line) || line.includes(`->${field} = `)) return false;
  // The last use itself: a call may change the field, if only after it took the value.
  return !frees(fn.lines[to] ?? "") && !(fn.lines[to] ?? "").includes(`->${field} = `);
}

function temporaries(fn: CFunction): Temporary[] {
  const found: Temporary[] = [];
  for (const [line, text] of fn.lines.entries()) {
    const [, name, source] = definitionForm.exec(withoutComment(text)) ?? [];
    if (name !== undefined && source !== undefined) found.push({ name, line, source });
  }
  return found;
}

/** Has a temporary stand for its source without a count of its own. */
function borrow(fn: CFunction, temporary: Temporary, released: string): void {
  const line = fn.lines[temporary.line] ?? "";
  fn.lines[temporary.line] = line.replace(
    new RegExp(`(?:${retainPattern})\\((.+)\\);`),
    (_, source: string) => `${source};`,
  );
  for (const { index, line } of linesOf(fn, released)) if (isReleaseOf(line, released)) fn.lines[index] = "";
}

/** Text of the program is neither counted nor freed. */
function borrowTexts(fn: CFunction): void {
  for (const temporary of temporaries(fn))
    if (/^\(ScrStr \*\)&sc_lit_\d+$/.test(temporary.source)) borrow(fn, temporary, temporary.name);
}

/** A temporary that is given back in its own block is not handed on; whether it needs no count. */
function canBorrowTemporary(program: Program, fn: CFunction, { name, line, source }: Temporary): boolean {
  const uses = linesOf(fn, name).filter(({ index }) => index !== line);
  const end = blockEnd(fn, line);
  const depth = fn.depths[line];
  const releases = uses.filter((use) => isReleaseOf(use.line, name));
  if (!releases.some(({ index }) => index <= end && fn.depths[index] === depth)) return false;
  const others = uses.filter((use) => !isReleaseOf(use.line, name));
  if (others.some((use) => isMove(use.line, name) || assigns(use.line, name))) return false;
  const last = Math.max(line, ...others.map(({ index }) => useEnd(fn, line, index)));
  return isSteady(program, fn, source, line, last);
}

function isMove(line: string, name: string): boolean {
  return line.includes(` = ${name};`) || line.includes(`return ${name};`);
}

/** Whether a local is only looked at: every other name for it is one that is not given back or handed on. */
function isOnlyRead(fn: CFunction, local: string): boolean {
  return linesOf(fn, local).every(({ line }) => {
    if (line.includes(`return ${local};`) || line.includes(`&${local}`)) return false;
    if (!line.includes(` = ${local};`)) return true;
    const alias = aliasForm.exec(line)?.[1] ?? "";
    if (fn.borrowed.has(alias)) return true;
    return (
      /^sc_t\d+$/.test(alias) &&
      linesOf(fn, alias).every(
        (use) =>
          use.line === line || (!isMove(use.line, alias) && /sc_t\d+->|sc_bytes_[gs]et/.test(use.line)),
      )
    );
  });
}

/** Whether a source is what a parameter, or a field that never changes, was from the start. */
function isFixed(program: Program, fn: CFunction, source: string): boolean {
  if (/^sc_g_\w+$/.test(source)) return program.constantGlobals.has(source);
  if (/^sc_l_\w+$/.test(source)) {
    return fn.parameters.has(source) && linesOf(fn, source).every(({ line }) => !assigns(line, source));
  }
  const [, owner, field] = /^(sc_[tl]_?\w+)->(sc_fld_\w+)$/.exec(source) ?? [];
  if (owner === undefined || field === undefined || !isConstant(program, fn, field)) return false;
  if (owner.startsWith("sc_l_")) return isFixed(program, fn, owner);
  const [first, ...uses] = linesOf(fn, owner);
  // Counted ones are given back at some time.
  if (first === undefined || uses.some(({ line }) => isReleaseOf(line, owner))) return false;
  const origin = /^\s*\w+ \*sc_t\d+ = (.+);$/.exec(first.line)?.[1];
  return origin !== undefined && isFixed(program, fn, origin);
}

/** The local that a temporary is handed to where that is all, and where the local has no other value; or "". */
function borrowingLocal(program: Program, fn: CFunction, { name, line, source }: Temporary): string {
  const uses = linesOf(fn, name).filter(({ index }) => index !== line);
  const [use] = uses;
  const local = use === undefined ? "" : (/^\s*(sc_l_\w+) = sc_t\d+;$/.exec(use.line)?.[1] ?? "");
  if (uses.length !== 1 || local === "" || fn.parameters.has(local)) return "";
  const assignments = linesOf(fn, local).filter(
    (other) => assigns(other.line, local) && !other.line.endsWith(" = NULL;"),
  );
  if (assignments.length !== 1 || !isOnlyRead(fn, local)) return "";
  return isFixed(program, fn, source) ? local : "";
}

function borrowLocally(program: Program, fn: CFunction): void {
  for (let hasChanged = true; hasChanged; ) {
    hasChanged = false;
    for (const temporary of temporaries(fn)) {
      const local = borrowingLocal(program, fn, temporary);
      const released = canBorrowTemporary(program, fn, temporary) ? temporary.name : local;
      if (released === "") continue;
      borrow(fn, temporary, released);
      if (released === temporary.name) fn.borrowed.add(released);
      hasChanged = true;
    }
  }
}

/** The release that gives back a parameter which is only looked at; "" where it is more. */
function releaseOfParameter(fn: CFunction, parameter: string): string {
  const uses = linesOf(fn, parameter);
  if (uses.some(({ line }) => assigns(line, parameter)) || !isOnlyRead(fn, parameter)) return "";
  const releases = new Set(
    uses
      .filter(({ line }) => isReleaseOf(line, parameter))
      .map(({ line }) => releaseForm.exec(line)?.[1] ?? ""),
  );
  const [release = ""] = releases;
  // Handed to a call by its own name, it would be given away.
  const isHandedOn = uses.some(({ line }) => {
    const rest = line.replace(
      new RegExp(`(?:${retainPattern})\\(${parameter}\\)|\\b${parameter}->`, "g"),
      "",
    );
    return !isReleaseOf(line, parameter) && new RegExp(`[(,] ?${parameter}\\b`).test(rest);
  });
  return releases.size === 1 && !isHandedOn ? release : "";
}

interface Call {
  readonly caller: CFunction;
  readonly line: number;
  readonly values: readonly string[];
}

/** All calls of each function; null for one that is also called in another form, or through a pointer. */
function findCalls(functions: readonly CFunction[], outside: readonly string[]): Map<string, Call[] | null> {
  const calls = new Map<string, Call[] | null>(functions.map(({ name }) => [name, []]));
  const statement = /^\s*(?:[\w ]+\*?sc_\w+ = )?(sc_f_\w+)\(([^()]*)\);$/;
  for (const caller of functions) {
    for (const [line, text] of caller.lines.entries()) {
      const [, callee, list = ""] = statement.exec(withoutComment(text)) ?? [];
      for (const name of new Set(text.match(/\bsc_f_\w+/g) ?? [])) {
        const known = calls.get(name);
        if (name !== callee) calls.set(name, null);
        else known?.push({ caller, line, values: list.split(", ") });
      }
    }
  }
  for (const line of outside)
    if (!/^static .*\);$/.test(withoutComment(line)))
      for (const name of line.match(/\bsc_f_\w+/g) ?? []) calls.set(name, null);
  return calls;
}

/** Has callers keep and give back what functions only look at. */
function borrowArguments(functions: readonly CFunction[], outside: readonly string[]): void {
  const calls = findCalls(functions, outside);
  const insertions: { caller: CFunction; line: number; text: string }[] = [];
  for (const fn of functions) {
    const own = calls.get(fn.name) ?? null;
    if (own === null || own.length === 0) continue;
    for (const [parameter, position] of fn.parameters) {
      const release = releaseOfParameter(fn, parameter);
      if (release === "" || own.some(({ values }) => !/^sc_t\d+$/.test(values[position] ?? ""))) continue;
      for (const { index, line } of linesOf(fn, parameter))
        if (isReleaseOf(line, parameter)) fn.lines[index] = "";
      for (const { caller, line, values } of own)
        insertions.push({ caller, line, text: `${release}(${values[position]});` });
    }
  }
  for (const { caller, line, text } of insertions) caller.lines[line] += `\n${text}`;
}

function constantFieldsOf(functions: readonly CFunction[]): Set<string> {
  const constant = new Set<string>();
  const changed = new Set<string>();
  for (const { name, lines } of functions) {
    for (const line of lines) {
      const field = /->(sc_fld_\w+) = /.exec(line)?.[1];
      if (field !== undefined) (name.endsWith("_constructor") ? constant : changed).add(field);
    }
  }
  return new Set([...constant].filter((field) => !changed.has(field)));
}

/** Those that a module's beginning sets once, in no block, and nothing else. */
function constantGlobalsOf(functions: readonly CFunction[]): Set<string> {
  const constant = new Set<string>();
  const changed = new Set<string>();
  for (const { name, lines, depths } of functions) {
    for (const [index, line] of lines.entries()) {
      const global = /^\s*(sc_g_\w+) = /.exec(line)?.[1];
      if (global === undefined || line.includes(" = NULL;")) continue;
      const isFirst = /_init_\d+$/.test(name) && depths[index] === 0 && !constant.has(global);
      (isFirst ? constant : changed).add(global);
    }
  }
  return new Set([...constant].filter((name) => !changed.has(name)));
}

/** The emitted C with less counting. */
export function dropNeedlessCounts(source: string): string {
  const lines = source.split("\n");
  const parts: (string | CFunction)[] = [];
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? "";
    parts.push(line);
    if (!/^\w.*\) \{/.test(line)) continue;
    const end = lines.indexOf("}", index);
    if (end < 0) throw new Error(`the function of line ${index + 1} has no end of a known form: ${line}`);
    parts.push(readFunction(withoutComment(line).replace(/ \{$/, ""), lines.slice(index + 1, end)));
    index = end - 1;
  }
  const outside = parts.filter((part) => typeof part === "string").filter((line) => !/^\w.*\) \{/.test(line));
  const reread = (): void => {
    for (const [index, part] of parts.entries())
      if (typeof part !== "string")
        parts[index] = readFunction(
          parts[index - 1] as string,
          part.lines.join("\n").split("\n"),
          part.borrowed,
        );
  };
  const functions = (): CFunction[] => parts.filter((part) => typeof part !== "string");
  const program: Program = {
    constantFields: constantFieldsOf(functions()),
    constantGlobals: constantGlobalsOf(functions()),
  };
  for (const fn of functions()) {
    borrowTexts(fn);
    borrowLocally(program, fn);
  }
  borrowArguments(functions(), outside);
  reread();
  for (const fn of functions()) borrowLocally(program, fn);
  return parts
    .map((part) => (typeof part === "string" ? part : part.lines.filter((line) => line !== "").join("\n")))
    .join("\n");
}

/** How many temporaries are given a counted reference. */
function countTemporaries(source: string): number {
  return source.split("\n").filter((line) => definitionForm.test(withoutComment(line))).length;
}

/** What to do about emitted C of another form than the known one; "" where it is that. */
export function formProblem(scriptcVersion: string, before: string, after: string): string {
  const total = countTemporaries(before);
  const left = countTemporaries(after);
  let problem = "";
  if (scriptcVersion !== checkedScriptcVersion)
    problem = `scriptc is ${scriptcVersion}, and the C of ${checkedScriptcVersion} is what it knows`;
  else if (total === 0) problem = "there is no counted temporary of a known form in the C";
  else if (left > total * mostLeft) problem = `${left} of ${total} counted temporaries are left in the C`;
  if (problem === "") return "";
  return (
    `build/reference-counts.ts: ${problem}. Read what .cache/native/dist-native-statigo-program.c has for counting now, adapt the forms, ` +
    "pass the wire tests with `npm run build:native -- --sanitize`, then set checkedScriptcVersion; " +
    "until then build with `npm run build:native -- --keep-counts`"
  );
}
