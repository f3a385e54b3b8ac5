/** Small damages to a text of bytes, of the kinds that parsers stumble over. */
import type { Random } from "./random.ts";
import { words as wordsOfRequests } from "./requests.ts";

/** What damage is made of: texts to take pieces from, and words worth putting in. */
interface Material {
  readonly others: readonly string[];
  readonly words: readonly string[];
}

type Mutation = (text: string, random: Random, material: Material) => string;

function cut(text: string, start: number, end: number, replacement: string): string {
  return text.slice(0, start) + replacement + text.slice(end);
}

/** A place in the text, more often than not at a border: a space, a colon, a line's end. */
function place(text: string, random: Random): number {
  const at = random.below(text.length + 1);
  if (random.chance(0.4)) return at;
  const border = text.slice(at).search(/[\r\n :,;/="]/);
  return border < 0 ? at : at + border + random.below(2);
}

const changeByte: Mutation = (text, random) => {
  const at = place(text, random);
  return cut(text, at, at + 1, String.fromCharCode(random.below(256)));
};

const flipBit: Mutation = (text, random) => {
  if (text === "") return text;
  const at = random.below(text.length);
  return cut(text, at, at + 1, String.fromCharCode(text.charCodeAt(at) ^ (1 << random.below(8))));
};

const insertWord: Mutation = (text, random, { words }) => {
  const at = place(text, random);
  return cut(text, at, at, random.pick(words));
};

const replaceByWord: Mutation = (text, random, { words }) => {
  const at = place(text, random);
  return cut(text, at, at + random.below(12), random.pick(words));
};

const removeSpan: Mutation = (text, random) => {
  const at = place(text, random);
  return cut(text, at, at + 1 + random.below(random.chance(0.8) ? 4 : 60), "");
};

const repeatSpan: Mutation = (text, random) => {
  const at = place(text, random);
  const span = text.slice(at, at + 1 + random.below(40));
  return cut(text, at, at, span.repeat(1 + random.below(3)));
};

function lineEndOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

const repeatLine: Mutation = (text, random) => {
  const lines = text.split(lineEndOf(text));
  const line = random.pick(lines);
  lines.splice(random.below(lines.length + 1), 0, ...new Array<string>(1 + random.below(3)).fill(line));
  return lines.join(lineEndOf(text));
};

const swapLines: Mutation = (text, random) => {
  const lines = text.split(lineEndOf(text));
  const [one, other] = [random.below(lines.length), random.below(lines.length)];
  [lines[one], lines[other]] = [lines[other] ?? "", lines[one] ?? ""];
  return lines.join(lineEndOf(text));
};

const changeCase: Mutation = (text, random) => {
  const at = random.below(text.length + 1);
  const span = text.slice(at, at + 1 + random.below(12));
  const changed = random.chance(0.5) ? span.toUpperCase() : span.toLowerCase();
  // The lower and upper case of a byte may lie beyond one byte: ÿ, µ, ß.
  return changed.length === span.length && /^[\0-\xff]*$/.test(changed)
    ? cut(text, at, at + span.length, changed)
    : text;
};

const changeNumber: Mutation = (text, random) => {
  const numbers = [...text.matchAll(/\d+/g)];
  if (numbers.length === 0) return text;
  const { 0: digits, index } = random.pick(numbers);
  const value = Number(digits);
  const near = String(Math.max(0, value + random.below(5) - 2));
  const changed = random.pick([
    near,
    `0${digits}`,
    `${digits}0`,
    `-${digits}`,
    "0",
    "99999999999999999999",
    "",
  ]);
  return cut(text, index, index + digits.length, changed);
};

const grow: Mutation = (text, random) => {
  const at = place(text, random);
  const length = random.pick([50, 300, 8150, 8192, 16_384, 33_000]);
  return cut(
    text,
    at,
    at,
    random.pick(["a", "/", "%41", "X: y\r\n", ",", " ", "\r\n", "0"]).repeat(length).slice(0, length),
  );
};

const splice: Mutation = (text, random, { others }) => {
  const other = random.pick(others);
  return text.slice(0, place(text, random)) + other.slice(place(other, random));
};

/** One entry for each share of the mutations. */
const mutations: readonly Mutation[] = [
  ...[changeByte, flipBit, changeCase, swapLines, splice],
  ...[insertWord, insertWord, insertWord, insertWord],
  ...[replaceByWord, replaceByWord, replaceByWord],
  ...[removeSpan, removeSpan, repeatSpan, repeatLine, changeNumber, changeNumber],
];

/** One to six damages; `others` are texts to take pieces from, `words` what means something to the parser. */
export function mutate(
  text: string,
  random: Random,
  others: readonly string[],
  words: readonly string[] = wordsOfRequests,
): string {
  let mutated = text;
  const material = { others, words };
  const count = 1 + Math.floor(random.next() ** 2 * 6);
  for (let i = 0; i < count; i++) mutated = random.pick(mutations)(mutated, random, material);
  // Long inputs are slow, and few of them say all.
  if (random.chance(0.01)) mutated = grow(mutated, random, material);
  return mutated;
}
