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
