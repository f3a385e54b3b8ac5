import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Random } from "../../fuzz/random.ts";
import { tagOf } from "../../support/content-tag.ts";

function bitsOf(tag: string): string {
  return BigInt(`0x${tag.slice(1, -1)}`)
    .toString(2)
    .padStart(64, "0");
}

describe("the hash of a file's content", () => {
  test("has stayed what it was, so that an update voids no cache", () => {
    const tags = ["", "a", "hello, world\n", "0123456789abcdef"].map((text) => tagOf(Buffer.from(text)));
    assert.deepEqual(tags, [
      '"b63963011992eb07"',
      '"f52dfe6af9fb5945"',
      '"ec0e303a832a761f"',
      '"1b0c4c1fe2e7c748"',
    ]);
  });

  test("is the same for content in slices, of Buffers that start anywhere", () => {
    const content = Buffer.from(`${"0123456789abcdef".repeat(1000)}tail`);
    const apart = Buffer.concat([Buffer.alloc(3), content]).subarray(3);
    assert.equal(tagOf(content.subarray(0, 4096), content.subarray(4096)), tagOf(content));
    assert.equal(tagOf(apart), tagOf(content));
  });

  test("tells zeros from more zeros", () => {
    const tags = Array.from({ length: 100 }, (_, length) => tagOf(Buffer.alloc(length)));
    assert.equal(new Set(tags).size, tags.length);
  });

  test("gives another tag to each of 100,000 pages that differ in a number", () => {
    const tags = new Set<string>();
    for (let i = 0; i < 100_000; i++)
      tags.add(tagOf(Buffer.from(`<h1>Page ${i} of ${i}</h1> ${"text ".repeat(5)}`)));
    assert.equal(tags.size, 100_000);
  });

  test("changes half of its bits where one bit of the content changes, whichever", () => {
    const random = new Random(1);
    const flips = Array.from({ length: 64 }, () => 0);
    const rounds = 4000;
    for (let i = 0; i < rounds; i++) {
      const content = Buffer.from(Array.from({ length: 1 + random.below(80) }, () => random.below(256)));
      const before = bitsOf(tagOf(content));
      const at = random.below(content.length);
      content.writeUInt8(content.readUInt8(at) ^ (1 << random.below(8)), at);
      const after = bitsOf(tagOf(content));
      for (let bit = 0; bit < 64; bit++) if (before[bit] !== after[bit]) flips[bit] = (flips[bit] ?? 0) + 1;
    }
    for (const count of flips) assert.ok(Math.abs(count / rounds - 0.5) < 0.04, `${flips}`);
  });
});
