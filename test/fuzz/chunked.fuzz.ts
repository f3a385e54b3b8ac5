/** Damaged chunked content, in pieces, into the reader on Node, held against an independent reading of RFC 9112. */
import { ChunkedContent } from "../../server/connection/chunked.ts";
import { guardBuffer } from "./guarded-buffer.ts";
import { escapeInput } from "./input.ts";
import { mutate } from "./mutation.ts";
import { Random } from "./random.ts";
import { rightRequests } from "./requests.ts";
import { measureChunked } from "./strict-chunked.ts";

export interface ChunkedFuzzResult {
  readonly inputs: number;
  readonly whole: number;
  readonly refused: number;
  /** Each with the input that shows it. */
  readonly failures: readonly string[];
}

const limitBytes = 1 << 20;
/** What comes after the content must not be touched. */
const next = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

const rightContents: readonly string[] = [
  "0\r\n\r\n",
  "5\r\n12345\r\n0\r\n\r\n",
  "a\r\n0123456789\r\n1F\r\n0123456789012345678901234567890\r\n000\r\n\r\n",
  '3;name=value;other="a, b\\""\r\n\r\n\r\r\n0;last\r\n\r\n',
  "1\r\nx\r\n0\r\nX-Checksum: 1\r\nContent-Length: 5\r\nEmpty:\r\n\r\n",
];

/** As the server does: piece by piece, until it has the end or refuses. */
function readInPieces(bytes: Buffer, random: Random): number {
  const content = new ChunkedContent(limitBytes);
  let at = 0;
  while (at < bytes.length) {
    const end = Math.min(bytes.length, at + 1 + random.below(random.chance(0.5) ? 3 : 200));
    at = content.skip(guardBuffer(bytes.subarray(0, end)), at, end);
    if (at < 0) return -1;
    if (content.isDone()) return at;
  }
  return -2;
}

/** Through `inputs` inputs, or for `seconds`. Stops at ten failures. */
export function fuzzChunked(options: { seed: number; seconds: number; inputs?: number }): ChunkedFuzzResult {
  const { seed, seconds, inputs = Number.POSITIVE_INFINITY } = options;
  const deadline = performance.now() + seconds * 1000;
  const failures: string[] = [];
  let [count, whole, refused] = [0, 0, 0];
  for (; count < inputs && failures.length < 10 && performance.now() < deadline; count++) {
    const random = new Random(seed + count);
    const right = random.pick(rightContents);
    const others = [...rightContents, ...rightRequests];
    const text = (random.chance(0.9) ? mutate(right, random, others) : right) + next;
    const expected = measureChunked(text, limitBytes);
    const actual = readInPieces(Buffer.from(text, "latin1"), random);
    if (actual >= 0) whole += 1;
    else if (actual === -1) refused += 1;
    if (actual !== expected)
      failures.push(`ends at ${actual}, by the RFC at ${expected}: ${escapeInput([text])}`);
  }
  return { inputs: count, whole, refused, failures };
}
