import assert from "node:assert/strict";
import { createCipheriv, createHash } from "node:crypto";
import { describe, test } from "node:test";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import {
  blockBytes,
  compressBlocks,
  inParallel,
  type LayerCompression,
} from "../../../../oci/make/compress.ts";

/** Bytes that nothing makes smaller, the same each time. */
function noise(sizeBytes: number): Buffer<ArrayBuffer> {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 7), Buffer.alloc(16));
  return Buffer.from(cipher.update(Buffer.alloc(sizeBytes)));
}

function text(sizeBytes: number): Buffer<ArrayBuffer> {
  const words = noise(sizeBytes).toString("hex").replace(/[0-7]/g, "the ");
  return Buffer.from(words.slice(0, sizeBytes));
}

function* blocksOf(bytes: Buffer<ArrayBuffer>, size: number) {
  // A copy each, as the archive gives them away: a block that is done is used again.
  for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size));
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

async function compress(bytes: Buffer<ArrayBuffer>, compression: LayerCompression): Promise<Buffer> {
  const pieces = compressBlocks(blocksOf(bytes, blockBytes[compression.kind]), compression, []);
  return Buffer.concat(await collect(pieces));
}

const mixed = Buffer.concat([text(300_000), noise(600_000), text(600_000), Buffer.alloc(100)]);

describe("a layer's compression", () => {
  for (const level of [1, 6, 9]) {
    test(`by gzip of level ${level} is one member that unpacks to the same`, async () => {
      const packed = await compress(mixed, { kind: "gzip", level });
      assert.ok(gunzipSync(packed).equals(mixed));
      assert.ok(packed.length < 0.8 * mixed.length, `${packed.length} of ${mixed.length}`);
    });
  }

  test("by zstd is frames that unpack to the same", async () => {
    const packed = await compress(mixed, { kind: "zstd", level: 9 });
    assert.ok(zstdDecompressSync(packed).equals(mixed));
  });

  test("can be none", async () => {
    assert.ok((await compress(mixed, { kind: "none", level: 0 })).equals(mixed));
  });

  test("of an empty archive is whole as well", async () => {
    assert.equal(gunzipSync(await compress(Buffer.alloc(0), { kind: "gzip", level: 6 })).length, 0);
  });

  test("adds next to nothing to what is compressed already", async () => {
    const bytes = noise(1_000_000);
    const packed = await compress(bytes, { kind: "gzip", level: 6 });
    assert.ok(packed.length < 1.001 * bytes.length, `${packed.length}`);
  });

  test("makes these very bytes: another Node or another machine that made others would change every digest", async () => {
    const digest = async (compression: LayerCompression) =>
      createHash("sha256")
        .update(await compress(mixed, compression))
        .digest("hex")
        .slice(0, 16);
    assert.deepEqual(
      [await digest({ kind: "gzip", level: 6 }), await digest({ kind: "zstd", level: 9 })],
      ["e2cbbec053717460", "04698e48f451211d"],
    );
  });

  test("keeps the order of what is done at once, and never more of it than is said", async () => {
    let running = 0;
    let highest = 0;
    const work = async (pauseMs: number) => {
      running += 1;
      highest = Math.max(highest, running);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      running -= 1;
      return pauseMs;
    };
    assert.deepEqual(await collect(inParallel([20, 1, 10, 2, 5], work, 3)), [20, 1, 10, 2, 5]);
    assert.equal(highest, 3);
  });
});
