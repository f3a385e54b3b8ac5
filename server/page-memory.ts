/**
 * Which file a target led to, by the bytes of the target: a page that is asked for again is found without its path
 * being read, decoded or looked up. One slot a hash value; what falls on a taken one replaces it.
 */
import type { Resource } from "./site.ts";

const slots = 512;
/** Longer targets are not remembered. */
const slotBytes = 64;

export class PageMemory {
  private readonly targets: Buffer = Buffer.alloc(slots * slotBytes);
  private readonly lengths = new Uint8Array(slots);
  private resources: (Resource | null)[] = [];

  constructor() {
    for (let i = 0; i < slots; i++) this.resources.push(null);
  }

  /** The file for the target whose bytes run from `start` to `end`, or null. */
  recall(input: Buffer, start: number, end: number): Resource | null {
    const length = end - start;
    if (length < 1 || length >= slotBytes) return null;
    const slot = slotOf(input, start, end);
    if (this.lengths[slot] !== length) return null;
    const at = slot * slotBytes;
    if (this.targets.compare(input, start, end, at, at + length) !== 0) return null;
    return this.resources[slot] ?? null;
  }

  /** @param target of printable ASCII, so that a character is a byte */
  learn(target: string, resource: Resource): void {
    const length = target.length;
    if (length < 1 || length >= slotBytes) return;
    const slot = slotOf(Buffer.from(target, "latin1"), 0, length);
    this.targets.write(target, slot * slotBytes, "latin1");
    this.lengths[slot] = length;
    this.resources[slot] = resource;
  }
}

/** Names of a site differ most just before their extension, which has three or four letters mostly. */
function slotOf(bytes: Buffer, start: number, end: number): number {
  let hash = end - start;
  for (let i = Math.max(start, end - 9); i < end - 3; i++) hash = hash * 5 + (bytes[i] ?? 0);
  return (hash * 5 + (bytes[end - 1] ?? 0)) % slots;
}
