/** Content coding by Accept-Encoding (RFC 9110 12.5.3). */
import { textAt, trimSpace } from "./text.ts";

/** Codings that a site may hold ready beside a file, with the ending that marks them. */
export const codings = ["br", "zstd", "gzip"];
export const codingEndings = [".br", ".zst", ".gz"];

/** A qvalue (12.4.2) in thousandths; a malformed one counts as 0, so that it never brings what was not asked for. */
function quality(text: string): number {
  const value = trimSpace(text);
  if (value.length === 0 || value.length > 5) return 0;
  const whole = value.charCodeAt(0) - 48;
  if (whole !== 0 && whole !== 1) return 0;
  if (value.length > 1 && value.charAt(1) !== ".") return 0;
  let thousandths = 0;
  let unit = 100;
  for (let i = 2; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return 0;
    thousandths += digit * unit;
    unit /= 10;
  }
  return whole === 1 ? (thousandths === 0 ? 1000 : 0) : thousandths;
}

/**
 * The quality, in thousandths, that the field gives to a coding ("identity" too); -1 where it says nothing of it.
 */
export function codingQuality(field: string, coding: string): number {
  let wildcard = -1;
  const parts = field.toLowerCase().split(",");
  for (let i = 0; i < parts.length; i++) {
    const part = textAt(parts, i);
    const semicolon = part.indexOf(";");
    const untrimmed = semicolon < 0 ? part : part.slice(0, semicolon);
    const name = trimSpace(untrimmed);
    const isMeant = name === coding || (coding === "gzip" && name === "x-gzip");
    if (!isMeant && name !== "*") continue;
    let weight = 1000;
    if (semicolon >= 0) {
      const parameter = trimSpace(part.slice(semicolon + 1));
      weight = parameter.startsWith("q=") ? quality(parameter.slice(2)) : 0;
    }
    if (isMeant) return weight;
    wildcard = weight;
  }
  return wildcard;
}

/**
 * Chooses among representations: `available[i]` is a coding's name, `sizes[i]` its bytes; the best quality wins, among equals
 * the smallest. Returns the index, or -1 for the file as it is. With `identity;q=0` and nothing else acceptable the
 * file as it is goes out all the same (12.5.3 allows it; 406 would help nobody).
 */
export function chooseCoding(
  field: string,
  available: readonly string[],
  sizes: readonly number[],
  identitySize: number,
): number {
  const stated = codingQuality(field, "identity");
  // Unstated, identity is acceptable, but anything the client names is preferred to it.
  let bestQuality = stated < 0 ? 1 : stated;
  let bestSize = identitySize;
  let best = -1;
  for (let i = 0; i < available.length; i++) {
    const weight = codingQuality(field, textAt(available, i));
    const size = sizes[i] ?? 0;
    if (weight <= 0 || weight < bestQuality) continue;
    if (weight > bestQuality || size < bestSize) {
      best = i;
      bestQuality = weight;
      bestSize = size;
    }
  }
  return best;
}
