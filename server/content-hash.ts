/**
 * Entity tags from content. The hash needs no secrecy, only that a change is never missed, so it is the body of
 * MurmurHash3's 128-bit form: four lanes of 32 bits, which both runtimes mix fast. Natively 200 MB take 0.1 s, with
 * SHA-1 0.6 s. Both runtimes give the same tags.
 */

/** Bytes of the state: four little-endian integers. */
export const stateBytes = 16;
/** Mixed in last: the length, and enough rounds for each bit of the state to reach all others. */
const trailerBytes = 128;

/** Mixes content into the state, in blocks of 16 bytes; the last is filled up with zeros. */
export type MixContent = (state: Buffer, content: Buffer, lengthBytes: number) => void;

export class ContentHash {
  private readonly mix: MixContent;
  private readonly state: Buffer = Buffer.alloc(stateBytes);
  private lengthBytes = 0;
  constructor(mix: MixContent) {
    this.mix = mix;
  }

  /** @param lengthBytes a multiple of 16, except in the last call */
  update(content: Buffer, lengthBytes: number): void {
    this.mix(this.state, content, lengthBytes);
    this.lengthBytes += lengthBytes;
  }

  /** The strong entity tag, of 64 bits: a change goes unseen once in 10^19. */
  tag(): string {
    const trailer = Buffer.alloc(trailerBytes);
    trailer.write(`${this.lengthBytes}`, 0, "latin1");
    this.mix(this.state, trailer, trailerBytes);
    // By way of a buffer: natively a text that was put together keeps room for half as much again.
    const length = trailer.write(`"${this.state.toString("hex", 0, 8)}"`, 0, "latin1");
    return trailer.toString("latin1", 0, length);
  }
}
