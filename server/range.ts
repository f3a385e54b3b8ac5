/** Range requests (RFC 9110 14). */

export class Slice {
  readonly start: number;
  readonly length: number;
  constructor(start: number, length: number) {
    this.start = start;
    this.length = length;
  }
}

/** What a Range field asks of a representation; `slice` is set where kind is "slice". */
export class RangeResult {
  readonly kind: "whole" | "slice" | "unsatisfiable";
  readonly slice: Slice;
  constructor(kind: "whole" | "slice" | "unsatisfiable", slice: Slice) {
    this.kind = kind;
    this.slice = slice;
  }
}

const nothing = new Slice(0, 0);
const whole = new RangeResult("whole", nothing);
const unsatisfiable = new RangeResult("unsatisfiable", nothing);

/** Digits as a number, -1 where there are none, -2 where something else stands there. Huge numbers are clamped. */
function position(text: string): number {
  if (text === "") return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -2;
    if (value < 1e14) value = value * 10 + digit;
  }
  return value;
}

/**
 * Resolves a Range field against `size` bytes. An unknown unit or a malformed field is "whole", since a
 * server may ignore Range (14.2); several ranges are answered whole as well.
 */
export function resolveRange(field: string, size: number): RangeResult {
  if (field === "") return whole;
  const equals = field.indexOf("=");
  if (equals < 0 || field.slice(0, equals).toLowerCase() !== "bytes") return whole;
  const spec = field.slice(equals + 1).trim();
  const dash = spec.indexOf("-");
  if (dash < 0) return whole;
  const first = position(spec.slice(0, dash));
  const last = position(spec.slice(dash + 1));
  if (first === -2 || last === -2 || (first === -1 && last === -1)) return whole;
  if (first === -1) {
    if (last === 0 || size === 0) return unsatisfiable;
    const length = Math.min(last, size);
    return new RangeResult("slice", new Slice(size - length, length));
  }
  if (last !== -1 && last < first) return whole;
  if (first >= size) return unsatisfiable;
  const end = last === -1 ? size - 1 : Math.min(last, size - 1);
  return new RangeResult("slice", new Slice(first, end - first + 1));
}
