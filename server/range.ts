/** Range requests (RFC 9110 14). */
import { numberAt, textAt, trimSpace } from "./text.ts";

/** More ranges than this have no good purpose; each costs a part's head, and their order time. */
const maxRanges = 16;

/** What a Range field asks of a representation. */
export class RangeResult {
  kind: "whole" | "slices" | "unsatisfiable";
  /** Of "slices", first bytes and the bytes after the last ones: one or more, not touching, in the order asked for. */
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  constructor(kind: "whole" | "slices" | "unsatisfiable") {
    this.kind = kind;
  }

  startAt(index: number): number {
    return numberAt(this.starts, index);
  }

  lengthAt(index: number): number {
    return numberAt(this.ends, index) - numberAt(this.starts, index);
  }

  /** The value of Content-Range for one of them. */
  contentRange(index: number, size: number): string {
    return `bytes ${this.startAt(index)}-${numberAt(this.ends, index) - 1}/${size}`;
  }

  /** Adds one where the first of those stands that it overlaps or continues; these are taken into it. */
  add(start: number, end: number): void {
    let first = start;
    let after = end;
    let place = -1;
    let i = 0;
    while (i < this.starts.length) {
      const otherStart = this.startAt(i);
      const otherEnd = numberAt(this.ends, i);
      if (otherStart > after || first > otherEnd) i++;
      else {
        first = Math.min(first, otherStart);
        after = Math.max(after, otherEnd);
        if (place < 0) place = i;
        this.starts.splice(i, 1);
        this.ends.splice(i, 1);
      }
    }
    if (place < 0) place = i;
    this.starts.splice(place, 0, first);
    this.ends.splice(place, 0, after);
  }
}

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

/** Adds one range, `0-9`, `10-` or `-5`; gives how many bytes it asks for, -1 where it is malformed. */
function addSpec(result: RangeResult, spec: string, size: number): number {
  const dash = spec.indexOf("-");
  const first = dash < 0 ? -2 : position(spec.slice(0, dash));
  const last = position(spec.slice(dash + 1));
  if (first === -2 || last === -2 || (first === -1 && last === -1)) return -1;
  if (first >= 0 && last >= 0 && last < first) return -1;
  const start = first < 0 ? Math.max(0, size - last) : Math.min(first, size);
  const end = first < 0 || last < 0 ? size : Math.min(last + 1, size);
  if (end > start) result.add(start, end);
  return Math.max(0, end - start);
}

/**
 * Resolves a Range field against `size` bytes. An unknown unit or a malformed field is "whole", since a
 * server may ignore Range (14.2); so are too many ranges and such that ask for more than there is, which only an
 * attack does (CVE-2011-3192).
 */
export function resolveRange(field: string, size: number): RangeResult {
  const equals = field.indexOf("=");
  const result = new RangeResult("whole");
  if (equals < 0 || field.slice(0, equals).toLowerCase() !== "bytes") return result;
  const specs = field.slice(equals + 1).split(",");
  let count = 0;
  let askedBytes = 0;
  for (let i = 0; i < specs.length; i++) {
    const spec = trimSpace(textAt(specs, i));
    // RFC 9110 5.6.1.2: an empty element of a list counts as none.
    if (spec === "") continue;
    const bytes = addSpec(result, spec, size);
    count += 1;
    askedBytes += bytes;
    if (bytes < 0 || count > maxRanges) return result;
  }
  if (count === 0 || (count > 1 && askedBytes > size)) return result;
  result.kind = askedBytes === 0 ? "unsatisfiable" : "slices";
  return result;
}
