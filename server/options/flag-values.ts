/** Values of flags, from their text. */

/** Go's strconv.ParseBool: 1 for true, 0 for false, -1 for what is neither. */
export function parseBool(text: string): number {
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return 1;
  if (["0", "f", "F", "FALSE", "false", "False"].includes(text)) return 0;
  return -1;
}

/** Digits up to nine as a number, or -1. */
export function parseCount(text: string): number {
  if (text === "" || text.length > 9) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** `500ms`, `15s` or `2m` as milliseconds, -1 where it is none. */
export function parseDuration(text: string): number {
  if (text.endsWith("ms")) return parseCount(text.slice(0, text.length - 2));
  const count = parseCount(text.slice(0, text.length - 1));
  if (count < 0) return -1;
  if (text.endsWith("s")) return count * 1000;
  return text.endsWith("m") ? count * 60_000 : -1;
}
