/** A range of keys as etcd has it: from `key`, up to `end` and without it. Only `key` itself when there is no end. */
export interface KeyRange {
  key: string;
  end?: string;
}

/** All keys that begin with a text of ASCII: the end is that text with its last character one higher. */
export function keysUnder(prefix: string): KeyRange {
  const last = prefix.length - 1;
  return { key: prefix, end: prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1) };
}

/** The JSON gateway has bytes in base64. */
export function encodeBytes(text: string): string {
  return Buffer.from(text).toString("base64");
}

export function decodeBytes(value: unknown): string {
  return typeof value === "string" ? Buffer.from(value, "base64").toString("utf8") : "";
}

export function encodeRange({ key, end }: KeyRange): { key: string; range_end?: string } {
  return { key: encodeBytes(key), ...(end !== undefined && { range_end: encodeBytes(end) }) };
}
