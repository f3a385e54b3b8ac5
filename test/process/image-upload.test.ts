/** Uploads to a real registry over connections that break. */
import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { Readable } from "node:stream";
import { after, afterEach, before, describe, test } from "node:test";
import { digestOf } from "../../oci/digest.ts";
import { ImageError } from "../../oci/image-error.ts";
import type { Descriptor } from "../../oci/manifest.ts";
import { noProgress, type Progress } from "../../oci/progress.ts";
import { parseImageName } from "../../oci/reference.ts";
import { openSession } from "../../oci/session.ts";
import { openRegistrySink } from "../../oci/write/registry-sink.ts";
import { type Registry, registryMissing, startRegistry } from "../support/registry.ts";
import { type RegistryProxy, startRegistryProxy } from "../support/registry-proxy.ts";

const chunkBytes = 100_000;

function makeBlob(sizeBytes: number, seed: number): { bytes: Buffer; descriptor: Descriptor } {
  const bytes = createCipheriv("aes-128-ctr", Buffer.alloc(16, seed), Buffer.alloc(16)).update(
    Buffer.alloc(sizeBytes),
  );
  const mediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), sizeBytes } };
}

describe("an upload to a registry", { skip: registryMissing }, () => {
  let registry: Registry;
  let proxy: RegistryProxy;
  let seed = 0;
  before(async () => {
    registry = await startRegistry();
    proxy = await startRegistryProxy(registry.host);
  });
  after(async () => {
    await proxy?.stop();
    await registry?.stop();
  });
  afterEach(() => {
    proxy.requests.length = 0;
    proxy.decide = () => "pass";
  });

  interface Pushing {
    sizeBytes?: number;
    bytes?: (bytes: Buffer) => Buffer;
    places?: readonly string[];
    repository?: string;
    progress?: Progress;
    seed?: number;
  }

  async function push(options: Pushing = {}) {
    const {
      sizeBytes = 350_000,
      bytes: change = (bytes: Buffer) => bytes,
      places = [],
      progress = noProgress,
    } = options;
    seed += 1;
    const { bytes, descriptor } = makeBlob(sizeBytes, options.seed ?? seed);
    const parsed = parseImageName(`${proxy.host}/acme/${options.repository ?? "blog"}`);
    assert.ok("name" in parsed);
    const session = openSession(parsed.name, { credentials: undefined, actions: "pull,push" });
    const sink = openRegistrySink({ session, tags: [], placesOf: () => places, progress, chunkBytes });
    const open = async (start: number) => Readable.from([change(bytes).subarray(start)]);
    try {
      await sink.writeBlob(descriptor, open, AbortSignal.timeout(20_000));
    } finally {
      session.close();
    }
    const answer = await fetch(
      `${registry.origin}/v2/acme/${options.repository ?? "blog"}/blobs/${descriptor.digest}`,
    );
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes), "the registry has it");
    return { descriptor, shapes: proxy.shapes() };
  }

  const ranges = () =>
    proxy.requests.filter(({ method }) => method === "PATCH").map(({ headers }) => headers["content-range"]);

  test("of little is one request, after one that asks whether it is there", async () => {
    const { shapes } = await push({ sizeBytes: 1000 });
    const path = "/v2/acme/blog/blobs";
    assert.deepEqual(shapes, [`HEAD ${path}/…`, `POST ${path}/uploads/`, `PUT ${path}/uploads/…`]);
  });

  test("of much is in chunks, one after the other", async () => {
    await push();
    assert.deepEqual(ranges(), ["0-99999", "100000-199999", "200000-299999", "300000-349999"]);
  });

  test("of what is there already is none", async () => {
    await push({ seed: 200 });
    proxy.requests.length = 0;
    const { shapes } = await push({ seed: 200 });
    assert.deepEqual(shapes, ["HEAD /v2/acme/blog/blobs/…"]);
  });

  test("is none where another repository has it: it is mounted", async () => {
    await push({ seed: 201 });
    proxy.requests.length = 0;
    const { shapes } = await push({ seed: 201, repository: "other", places: ["acme/blog"] });
    const path = "/v2/acme/other/blobs";
    assert.deepEqual(shapes, [`HEAD ${path}/…`, `POST ${path}/uploads/?mount`]);
  });

  test("is made where the other repository does not have it after all, in the place that it gave", async () => {
    const { shapes } = await push({ sizeBytes: 1000, repository: "other", places: ["acme/nothing"] });
    const path = "/v2/acme/other/blobs";
    assert.deepEqual(shapes, [`HEAD ${path}/…`, `POST ${path}/uploads/?mount`, `PUT ${path}/uploads/…`]);
  });

  test("goes on where it was when the connection breaks between two chunks", async () => {
    let cuts = 1;
    proxy.decide = ({ headers }) =>
      headers["content-range"]?.startsWith("200000-") && cuts-- > 0 ? "cut" : "pass";
    const { shapes } = await push();
    assert.deepEqual(ranges(), [
      "0-99999",
      "100000-199999",
      "200000-299999",
      "200000-299999",
      "300000-349999",
    ]);
    assert.equal(shapes.filter((shape) => shape.startsWith("POST")).length, 1);
    assert.ok(shapes.includes("GET /v2/acme/blog/blobs/uploads/…"), "the registry is asked how far it came");
  });

  test("arrives whole when the connection breaks in the middle of a chunk, of which the registry has kept some or none", async () => {
    let cuts = 1;
    proxy.decide = ({ headers }) =>
      headers["content-range"]?.startsWith("100000-") && cuts-- > 0 ? "cut in the middle" : "pass";
    await push();
    assert.deepEqual(ranges().slice(0, 2), ["0-99999", "100000-199999"]);
    assert.deepEqual(ranges().slice(-3), ["100000-199999", "200000-299999", "300000-349999"]);
  });

  test("begins anew where the registry has given it up", async () => {
    let refusals = 1;
    let cuts = 1;
    proxy.decide = ({ method, headers, path }) => {
      if (headers["content-range"]?.startsWith("200000-") && cuts-- > 0) return "cut";
      return method === "GET" && path.includes("uploads/") && refusals-- > 0 ? { status: 404 } : "pass";
    };
    await push();
    assert.deepEqual(ranges().slice(-4), ["0-99999", "100000-199999", "200000-299999", "300000-349999"]);
    assert.equal(proxy.requests.filter(({ method }) => method === "POST").length, 2);
  });

  test("in one request is sent again when the connection breaks, and shown as much as it is", async () => {
    let cuts = 2;
    proxy.decide = ({ method }) => (method === "PUT" && cuts-- > 0 ? "cut in the middle" : "pass");
    let shownBytes = 0;
    const progress: Progress = {
      begin: () => ({
        add: (sizeBytes) => {
          shownBytes += sizeBytes;
        },
        end: () => {},
      }),
    };
    const { descriptor } = await push({ sizeBytes: 90_000, progress });
    assert.equal(proxy.requests.filter(({ method }) => method === "PUT").length, 3);
    assert.equal(shownBytes, descriptor.sizeBytes);
  });

  test("is made whole where a registry takes no chunks", async () => {
    proxy.decide = ({ method }) => (method === "PATCH" ? { status: 405 } : "pass");
    const { shapes } = await push();
    assert.equal(shapes.at(-1), "PUT /v2/acme/blog/blobs/uploads/…");
    assert.equal(proxy.requests.at(-1)?.bodyBytes, 350_000);
  });

  test("waits as long as a registry that has too much to do asks for", async () => {
    let refusals = 1;
    proxy.decide = ({ method }) =>
      method === "POST" && refusals-- > 0 ? { status: 429, headers: { "retry-after": "1" } } : "pass";
    const startedMs = performance.now();
    await push({ sizeBytes: 1000 });
    assert.ok(performance.now() - startedMs >= 990);
  });

  test("is over when the registry's answer to the last request was lost, for it has it", async () => {
    let lost = 1;
    proxy.decide = ({ method, path }) => {
      if (method !== "PUT" || !path.includes("digest=") || lost-- <= 0) return "pass";
      // The registry gets it, the client hears nothing of that.
      void fetch(`${registry.origin}${path}`, { method: "PUT", headers: { "content-length": "0" } });
      return "cut";
    };
    await push();
    assert.equal(proxy.requests.filter(({ method }) => method === "PUT").length, 2);
  });

  for (const [what, change, words] of [
    ["is longer", (bytes: Buffer) => Buffer.concat([bytes, Buffer.of(1)]), /is longer than its 1000 bytes/],
    [
      "is another one",
      (bytes: Buffer) => Buffer.from(bytes.toReversed()),
      /what came for sha256:[0-9a-f]+ is sha256:/,
    ],
  ] as const) {
    test(`of what ${what} than its digest says is given up, and nothing is stored`, async () => {
      await assert.rejects(push({ sizeBytes: 1000, bytes: change }), words);
    });
  }

  test("in chunks of what is another one than its digest says is refused by the registry", async () => {
    const change = (bytes: Buffer) => Buffer.from(bytes.toReversed());
    await assert.rejects(push({ bytes: change }), (error: ImageError) => {
      assert.match(error.message, /answered 400 \(DIGEST_INVALID: [^)]+\) to a push of sha256:/);
      return error.fault === "image";
    });
  });

  test("is given up after some tries when the registry stays away", async () => {
    proxy.decide = ({ method }) => (method === "POST" ? { status: 503 } : "pass");
    await assert.rejects(push({ sizeBytes: 1000 }), (error: unknown) => {
      assert.ok(error instanceof ImageError && error.fault === "away", String(error));
      return true;
    });
  });
});
