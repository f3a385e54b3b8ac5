/**
 * The text at a place of a list, "" beyond its ends. Written as a template on purpose: the native compiler types
 * `list[i] ?? ""` as "text or undefined", and with it all that the value flows into, which made 40 kB of checks.
 */
export function textAt(list: readonly string[], index: number): string {
  return `${list[index] ?? ""}`;
}
