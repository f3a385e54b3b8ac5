/** Since ES2025's "JSON.parse source text access"; not in the compiler's library yet. */
declare global {
  interface JSON {
    rawJSON(text: string): object;
  }
}

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;

/**
 * A job is read, changed in one place and sent back: what a double cannot hold (a time in nanoseconds, a limit of
 * 2^63-1) goes back as it came.
 */
export function parseLosslessly(text: string): unknown {
  const keepLargeNumbers: Reviver = (_key, value, { source = "" }) =>
    typeof value === "number" && /^-?\d{16,}$/.test(source) ? JSON.rawJSON(source) : value;
  return JSON.parse(text, keepLargeNumbers as (key: string, value: unknown) => unknown);
}
