/**
 * The text at a place of a list, "" beyond its ends. Written as a template on purpose: the native compiler types
 * `list[i] ?? ""` as "text or undefined", and with it all that the value flows into, which made 40 kB of checks.
 */
export function textAt(list: readonly string[], index: number): string {
  return `${list[index] ?? ""}`;
}

/** The number at a place of a list, 0 beyond its ends. */
export function numberAt(list: readonly number[], index: number): number {
  return +(list[index] ?? 0);
}

/** Without the optional white space around it: SP and HTAB (RFC 9110 5.6.3). trim() takes more than that away. */
export function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 32 || code === 9;
}

/** Whether a text can stand in a header field (RFC 9110 5.5) without adding another. */
export function isFieldValue(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if ((code < 32 && code !== 9) || code > 126) return false;
  }
  return true;
}
