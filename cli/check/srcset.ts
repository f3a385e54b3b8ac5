/** The addresses of a `srcset` with their offsets in it, as HTML parses it ("parse a srcset attribute"). */
export function splitSrcset(text: string): { url: string; offset: number }[] {
  const found: { url: string; offset: number }[] = [];
  let at = 0;
  while (at < text.length) {
    while (at < text.length && /[\s,]/.test(text.charAt(at))) at++;
    const start = at;
    while (at < text.length && !/\s/.test(text.charAt(at))) at++;
    if (at === start) break;
    const word = text.slice(start, at);
    const url = word.replace(/,+$/, "");
    found.push({ url, offset: start });
    if (url.length === word.length) at = descriptorsEnd(text, at);
  }
  return found;
}

/** A comma within parentheses belongs to the descriptor. */
function descriptorsEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === "(") depth++;
    else if (character === ")") depth--;
    else if (character === "," && depth <= 0) return at;
  }
  return text.length;
}
