export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text, or an empty one for what is none: `String` of an object from outside may throw. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
