import { type CSSToken, TokenType, tokenize } from "@csstools/css-tokenizer";
import type { Reference } from "./finding.ts";

/** The addresses in a style sheet: `url(…)`, `@import` and `image-set(…)`. @param offset of the text in its file */
export function findCssReferences(text: string, offset = 0): Reference[] {
  // Most style attributes hold none, and taking them apart is what costs.
  if (!/url\(|@import|image-set\(/i.test(text)) return [];
  const tokens = tokenize({ css: text }).filter(
    ([type]) => type !== TokenType.Whitespace && type !== TokenType.Comment,
  );
  const references: Reference[] = [];
  let imageSetDepth = 0;
  for (const [index, token] of tokens.entries()) {
    const before = tokens[index - 1];
    imageSetDepth = followImageSet(imageSetDepth, token);
    const isText = token[0] === TokenType.String;
    const isAddress =
      token[0] === TokenType.URL ||
      (isText &&
        (isFunction(before, /^(url|src)$/i) ||
          isImport(before) ||
          (imageSetDepth === 1 && !isFunction(before, /^type$/i))));
    if (!isAddress) continue;
    const { value } = token[4] as { value: string };
    references.push({ url: value, use: "asset", offset: offset + token[2] });
  }
  return references;
}

/** How deep within an `image-set(` it is: 0 outside, 1 directly in it. */
function followImageSet(depth: number, token: CSSToken): number {
  if (depth === 0) return isFunction(token, /^(-webkit-)?image-set$/i) ? 1 : 0;
  if (token[0] === TokenType.Function || token[0] === TokenType.OpenParen) return depth + 1;
  return token[0] === TokenType.CloseParen ? depth - 1 : depth;
}

function isFunction(token: CSSToken | undefined, name: RegExp): boolean {
  return token?.[0] === TokenType.Function && name.test(token[4].value);
}

function isImport(token: CSSToken | undefined): boolean {
  return token?.[0] === TokenType.AtKeyword && token[4].value.toLowerCase() === "import";
}
