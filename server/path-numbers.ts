/**
 * Numbers for paths, in the order in which they came. The paths are held as bytes, one behind the other: as texts in a
 * Map each takes three times as much natively, and there are as many as the site has files.
 */

/** A character of UTF-16 is at most so many bytes. */
const maxCharacterBytes = 3;
const none = -1;

export class PathNumbers {
  size = 0;
  private bytes: Buffer = Buffer.alloc(1024);
  /** Where each path ends in the bytes, and the next begins. */
  private ends: Int32Array = new Int32Array(32);
  /** By hash, numbers or `none`; at least twice as many as there are paths, a power of two. */
  private slots: Int32Array = emptySlots(64);

  /** Of a path that has none yet, the next one where `canAdd`, else -1. */
  numberOf(path: string, canAdd: boolean): number {
    const start = this.endOf(this.size - 1);
    this.bytes = withRoom(this.bytes, start + path.length * maxCharacterBytes);
    // Behind the others, where it can stay.
    const end = start + this.bytes.write(path, start, "utf8");
    const slot = this.findSlot(start, end);
    const known = this.slots[slot] ?? none;
    if (known !== none || !canAdd) return known;
    const number = this.size;
    if (number === this.ends.length) this.ends = copyOf(this.ends, new Int32Array(number * 2));
    const ends = this.ends;
    ends[number] = end;
    const slots = this.slots;
    slots[slot] = number;
    this.size += 1;
    if (this.size * 2 > slots.length) this.spread();
    return number;
  }

  /** @param number of a path that has one */
  pathOf(number: number): string {
    return this.bytes.toString("utf8", this.endOf(number - 1), this.endOf(number));
  }

  private endOf(number: number): number {
    return number < 0 ? 0 : (this.ends[number] ?? 0);
  }

  /** The slot of the path whose bytes run from `start` to `end`, or the free one that is for it. */
  private findSlot(start: number, end: number): number {
    const slots = this.slots;
    const bytes = this.bytes;
    let slot = hash(bytes, start, end) % slots.length;
    for (;;) {
      const number = slots[slot] ?? none;
      if (number === none) return slot;
      if (bytes.compare(bytes, start, end, this.endOf(number - 1), this.endOf(number)) === 0) return slot;
      slot = slot + 1 === slots.length ? 0 : slot + 1;
    }
  }

  private spread(): void {
    const slots = emptySlots(this.slots.length * 2);
    this.slots = slots;
    for (let number = 0; number < this.size; number++)
      slots[this.findSlot(this.endOf(number - 1), this.endOf(number))] = number;
  }
}

const folded = 2 ** 32;
const mostUnfolded = 2 ** 48;

/** Stays below 2^53, where numbers are exact. It is folded when it has to be: natively a remainder takes 20 ns. */
function hash(bytes: Buffer, start: number, end: number): number {
  let mixed = end - start;
  for (let i = start; i < end; i++) {
    mixed = mixed * 31 + (bytes[i] ?? 0);
    if (mixed >= mostUnfolded) mixed -= Math.floor(mixed / folded) * folded;
  }
  return mixed;
}

function emptySlots(length: number): Int32Array {
  const slots = new Int32Array(length);
  for (let i = 0; i < length; i++) slots[i] = none;
  return slots;
}

function copyOf(from: Int32Array, to: Int32Array): Int32Array {
  for (let i = 0; i < from.length; i++) to[i] = from[i] ?? 0;
  return to;
}

function withRoom(bytes: Buffer, length: number): Buffer {
  if (bytes.length >= length) return bytes;
  const larger = Buffer.alloc(Math.max(length, bytes.length * 2));
  bytes.copy(larger, 0, 0, bytes.length);
  return larger;
}
