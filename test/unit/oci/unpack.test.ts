import assert from "node:assert/strict";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, afterEach, describe, test } from "node:test";
import type { ImageSource } from "../../../oci/image-source.ts";
import { defaultLimits, type ImageLimits } from "../../../oci/limits.ts";
import { resolveImage } from "../../../oci/resolve.ts";
import { unpackImage } from "../../../oci/unpack.ts";
import {
  buildImage,
  compress,
  type ImageOptions,
  type ImageParts,
  type Layer,
  longNameMember,
  type Member,
  paxMember,
  sha256,
  siteImage,
  tarOf,
} from "../../support/site-images.ts";

const folder = mkdtempSync(join(tmpdir(), "statigo-unpack-"));
let number = 0;
after(() => rmSync(folder, { recursive: true, force: true }));

/** What nobody may touch lies beside where is written, with a name that hostile archives know. */
const outside = join(folder, "outside");
mkdirSync(outside);
writeFileSync(join(outside, "secret"), "untouched");
afterEach(() => {
  assert.deepEqual(readdirSync(outside), ["secret"]);
  assert.equal(readFileSync(join(outside, "secret"), "utf8"), "untouched");
  assert.equal(lstatSync(join(outside, "secret")).nlink, 1);
});

function sourceOf({ manifest, mediaType, blobs }: ImageParts): ImageSource {
  return {
    name: "the test",
    readManifest: async () => ({ bytes: manifest, mediaType }),
    openBlob: async ({ digest }) => Readable.from([blobs.get(digest) ?? Buffer.alloc(0)]),
  };
}

interface Unpacked {
  site: string;
  log: string[];
  omissions: readonly string[];
  read(path: string): string;
  list(): string[];
}

async function unpack(
  parts: ImageParts,
  {
    path = "/www",
    limits = {},
    source = sourceOf(parts),
  }: { path?: string; limits?: Partial<ImageLimits>; source?: ImageSource } = {},
): Promise<Unpacked> {
  const staging = join(folder, String(number++));
  mkdirSync(staging);
  const site = join(staging, "site");
  const log: string[] = [];
  const signal = AbortSignal.timeout(20_000);
  const context = { signal, log: (line: string) => void log.push(line) };
  const image = await resolveImage(source, { tag: "v1" }, context);
  const { omissions } = await unpackImage({
    source,
    image,
    path,
    staging,
    folder: site,
    limits: { ...defaultLimits, ...limits },
    ...context,
  });
  const read = (name: string) => readFileSync(join(site, name), "utf8");
  const list = () => namesBelow(site).sort();
  return { site, log, omissions, read, list };
}

/** Without following links, as Node's own recursive listing does. */
function namesBelow(place: string, prefix = ""): string[] {
  return readdirSync(place, { withFileTypes: true }).flatMap((entry) => [
    `${prefix}${entry.name}`,
    ...(entry.isDirectory() ? namesBelow(join(place, entry.name), `${prefix}${entry.name}/`) : []),
  ]);
}

function unpackLayers(layers: readonly (readonly Member[])[], options?: ImageOptions): Promise<Unpacked> {
  return unpack(
    buildImage(
      layers.map((members) => ({ archive: tarOf(members) })),
      options,
    ),
  );
}

const page = { name: "www/index.html", content: "page" };

describe("a site's folder of an image", () => {
  for (const isDocker of [false, true]) {
    for (const form of ["none", "gzip", "zstd"] as const) {
      test(`is unpacked from ${form} layers with ${isDocker ? "Docker's" : "the specification's"} media types`, async () => {
        const layers: Layer[] = [{ archive: tarOf([page, { name: "etc/passwd", content: "x" }]), form }];
        const { list, read } = await unpack(buildImage(layers, { isDocker }));
        assert.deepEqual(list(), ["index.html"]);
        assert.equal(read("index.html"), "page");
      });
    }
  }

  test("is what all layers make together: whiteouts and opaque folders are honoured, nothing of them is written", async () => {
    const { list, read } = await unpackLayers([
      [
        page,
        ...["a/1", "a/2", "b/1", "b/c/2", "d/1", "e"].map((name) => ({
          name: `www/${name}`,
          content: "old",
        })),
      ],
      [
        { name: "www/.wh.e", content: "" },
        { name: "www/a/.wh.1", content: "" },
        { name: "www/b/3", content: "new" },
        { name: "www/b/.wh..wh..opq", content: "" },
        { name: "www/.wh.d", content: "" },
        { name: "www/d/", type: "5" },
        { name: "www/d/9", content: "new" },
        { name: "www/.wh..wh.plnk", content: "" },
      ],
    ]);
    assert.deepEqual(list(), ["a", "a/2", "b", "b/3", "d", "d/9", "index.html"]);
    assert.equal(read("b/3"), "new");
  });

  test("may be a link in the image, and may be reached through an upper layer's", async () => {
    const layers = [
      [{ name: "srv/site/index.html", content: "page" }],
      [{ name: "www", type: "2", target: "/srv/site" }],
      [{ name: "www/more.html", content: "more" }],
    ];
    const { list } = await unpackLayers(layers);
    assert.deepEqual(list(), ["index.html", "more.html"]);
  });

  test("keeps long names, of pax and of GNU, and other alphabets", async () => {
    const long = `www/${"n".repeat(150)}.html`;
    const { list } = await unpackLayers([
      [
        longNameMember(long),
        { name: "cut", content: "gnu" },
        paxMember({ path: "www/fünf/日本.html" }),
        { name: "cut", content: "pax" },
      ],
    ]);
    assert.deepEqual(list(), ["fünf", "fünf/日本.html", long.slice(4)].sort());
  });

  test("has links that stay within it, straight to their ends, and no others", async () => {
    const { site, list, omissions } = await unpackLayers([
      [
        page,
        { name: "www/docs/a.html", content: "a" },
        { name: "www/absolute", type: "2", target: "/www/docs" },
        { name: "www/chain", type: "2", target: "absolute/../docs/a.html" },
        { name: "www/docs/up", type: "2", target: ".." },
        { name: "www/hosts", type: "2", target: "/etc/hosts" },
        { name: "www/out", type: "2", target: `${"../".repeat(20)}${outside.slice(1)}` },
        { name: "www/gone", type: "2", target: "nowhere" },
        { name: "www/loop", type: "2", target: "loop" },
        { name: "etc/hosts", content: "hosts" },
        { name: "www/same.html", type: "1", target: "www/index.html" },
      ],
    ]);
    const names = ["absolute", "chain", "docs", "docs/a.html", "docs/up", "index.html", "same.html"];
    assert.deepEqual(list(), names);
    const targets = ["absolute", "chain", "docs/up"].map((name) => readlinkSync(join(site, name)));
    assert.deepEqual(targets, ["docs", "docs/a.html", ".."]);
    assert.equal(omissions.length, 4);
    assert.equal(statSync(join(site, "same.html")).ino, statSync(join(site, "index.html")).ino);
  });

  test("has no devices and pipes, no setuid bits, and nothing that others may write", async () => {
    const { site, list, omissions } = await unpackLayers([
      [
        { ...page, mode: 0o6777 },
        { name: "www/sub/", type: "5", mode: 0o7777 },
        { name: "www/private", content: "x", mode: 0o040 },
        { name: "www/null", type: "3" },
        { name: "www/disk", type: "4" },
        { name: "www/pipe", type: "6" },
      ],
    ]);
    assert.deepEqual(list(), ["index.html", "private", "sub"]);
    const modes = list().map((name) => (statSync(join(site, name)).mode & 0o7777).toString(8));
    assert.deepEqual(modes, ["755", "640", "755"]);
    assert.equal(omissions.length, 3);
  });

  test("is taken from the platform of an index, or from any", async () => {
    const parts = siteImage({ "index.html": "page" });
    const attestation = {
      mediaType: parts.mediaType,
      digest: sha256("x"),
      size: 1,
      platform: { os: "unknown", architecture: "unknown" },
    };
    const entry = {
      mediaType: parts.mediaType,
      digest: parts.digest,
      size: 1,
      platform: { os: "linux", architecture: "s390x" },
    };
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.index.v1+json",
        manifests: [attestation, entry],
      }),
    );
    const source: ImageSource = {
      ...sourceOf(parts),
      readManifest: async (reference) =>
        "tag" in reference
          ? { bytes: index, mediaType: "application/vnd.oci.image.index.v1+json" }
          : { bytes: parts.manifest, mediaType: parts.mediaType },
    };
    const { list, log } = await unpack(parts, { source });
    assert.deepEqual(list(), ["index.html"]);
    assert.match(log[0] ?? "", /taking linux\/s390x of an index/);
  });
});

describe("a hostile image", () => {
  const climb = `${"../".repeat(20)}${outside.slice(1)}/evil`;
  const hostile: [what: string, layers: Member[][], expected: RegExp][] = [
    [
      "a name that climbs out",
      [[page, { name: `www/${climb}`.slice(0, 99), content: "x" }]],
      /leads out of the image/,
    ],
    [
      "a long name that climbs out",
      [[page, paxMember({ path: `www/${climb}` }), { name: "x", content: "x" }]],
      /leads out of the image/,
    ],
    [
      "a hard link that climbs out",
      [[page, { name: "www/h", type: "1", target: climb.slice(0, 99) }]],
      /leads out of the image/,
    ],
    [
      "a hard link to what the image does not have",
      [[page, { name: "www/h", type: "1", target: `${outside}/secret` }]],
      /hard link to .* is no file/,
    ],
    ["a hard link to a folder", [[page, { name: "www/h", type: "1", target: "www" }]], /is no file/],
    [
      "a file below a file",
      [[page, { name: "www/index.html/x", content: "x" }]],
      /below something that is not a folder/,
    ],
    [
      "a loop of links on the way",
      [[page, { name: "www/l", type: "2", target: "l" }, { name: "www/l/x", content: "x" }]],
      /below something/,
    ],
    [
      "a name with a zero byte",
      [[page, paxMember({ path: "www/a\0b" }), { name: "x", content: "x" }]],
      /zero byte/,
    ],
    [
      "a name as long as no system takes it",
      [[page, paxMember({ path: `www/${"n".repeat(256)}` }), { name: "x", content: "x" }]],
      /too long a name/,
    ],
    [
      "a path of five thousand bytes",
      [[page, paxMember({ path: `www${"/n".repeat(2500)}` }), { name: "x", content: "x" }]],
      /longer than 4 KiB/,
    ],
    [
      "a sparse file of GNU's",
      [[page, { name: "www/s", type: "S", content: "x" }]],
      /of a kind that is not unpacked/,
    ],
    [
      "a sparse file of pax's",
      [[page, paxMember({ "GNU.sparse.major": "1" }), { name: "www/s", content: "x" }]],
      /sparse file/,
    ],
    ["no file in the site", [[{ name: "www/", type: "5" }]], /has no files in "\/www"/],
    [
      "another folder than is wanted",
      [[{ name: "app/index.html", content: "x" }]],
      /has no folder "\/www"; it has "\/app"/,
    ],
  ];
  for (const [what, layers, expected] of hostile) {
    test(`is refused for ${what}`, async () => {
      await assert.rejects(unpackLayers(layers), expected);
    });
  }

  test("writes nothing through a link to outside, of an earlier layer or of the same", async () => {
    for (const layers of [
      [[page, { name: "www/evil", type: "2", target: outside }], [{ name: "www/evil/new", content: "x" }]],
      [[page, { name: "www/evil", type: "2", target: outside }, { name: "www/evil/secret", content: "x" }]],
      [
        [
          page,
          { name: "www/evil", type: "2", target: `${outside}/secret` },
          { name: "www/evil", content: "x" },
        ],
      ],
    ]) {
      const { list } = await unpackLayers(layers.map((members) => members.map((one) => ({ ...one }))));
      // Within the image it is another folder of the same name: nothing of it is in the site.
      assert.ok(!list().some((name) => name.startsWith("evil/")));
    }
  });

  test("is refused when a layer's archive ends early, or is damaged", async () => {
    const archive = tarOf([page, { name: "www/large", content: Buffer.alloc(20_000, "x") }]);
    for (const damaged of [
      archive.subarray(0, 5000),
      archive.subarray(0, 700),
      Buffer.from("no tar").subarray(0),
    ]) {
      await assert.rejects(unpack(buildImage([{ archive: damaged }])), /not a whole tar archive/);
    }
    const broken = Buffer.from(archive);
    broken[0] = 0x41;
    await assert.rejects(unpack(buildImage([{ archive: broken }])), /not a whole tar archive/);
  });

  test("is refused when its compression is broken", async () => {
    for (const form of ["gzip", "zstd"] as const) {
      const parts = buildImage([{ archive: tarOf([page]), form }], {
        change({ layers }) {
          const cut = compress(tarOf([page]), form).subarray(0, 40);
          layers[0] = { ...layers[0], digest: sha256(cut), size: cut.length };
        },
      });
      const cut = compress(tarOf([page]), form).subarray(0, 40);
      parts.blobs.set(sha256(cut), cut);
      await assert.rejects(unpack(parts), /cannot be decompressed|not a whole tar/);
    }
  });

  test("is refused when a layer is not what its digest, its size, or the config's digest says", async () => {
    const parts = siteImage({ "index.html": "page" });
    const [digest = ""] = [...parts.blobs.keys()].slice(-1);
    const good = parts.blobs.get(digest) ?? Buffer.alloc(0);
    const swapped = Buffer.from(good);
    swapped[swapped.length - 1] = (swapped.at(-1) ?? 0) ^ 1;
    for (const [bytes, expected] of [
      [swapped, /what came for sha256:\w+ is sha256:/],
      [Buffer.concat([good, good]), /is longer than its/],
      [good.subarray(0, -1), /ended after/],
    ] as const) {
      parts.blobs.set(digest, bytes);
      await assert.rejects(unpack(parts), expected);
    }
    const lying = buildImage([{ archive: tarOf([page]) }], { diffIds: [sha256("other")] });
    await assert.rejects(unpack(lying), /a layer unpacks to/);
  });

  test("is refused when it would take more than it may", async () => {
    const large = buildImage([
      { archive: tarOf([page, { name: "www/zeros", content: Buffer.alloc(3_000_000) }]) },
    ]);
    await assert.rejects(
      unpack(large, { limits: { unpackedBytes: 1_000_000 } }),
      /unpack to more than is allowed/,
    );
    await assert.rejects(
      unpack(large, { limits: { siteBytes: 1_000_000 } }),
      /2\.9 MiB, more than the 976\.6 KiB/,
    );
    await assert.rejects(unpack(large, { limits: { downloadBytes: 100 } }), /more than the 100 bytes/);
    await assert.rejects(unpack(large, { limits: { entries: 1 } }), /more files than are allowed/);
    // One name that is a thousand folders.
    const deep = buildImage([
      { archive: tarOf([page, paxMember({ path: `www${"/d".repeat(1000)}` }), { name: "x", content: "x" }]) },
    ]);
    await assert.rejects(
      unpack(deep, { limits: { entries: 500 } }),
      /more files and folders than are allowed/,
    );
  });

  test("cannot make following its links take long", async () => {
    const members: Member[] = [page];
    const target = `${"a/../".repeat(18)}a`;
    members.push({ name: "a/", type: "5" });
    for (let index = 0; index < 30; index++) {
      members.push({
        name: `l${index}`,
        type: "2",
        target: index === 0 ? target : `${`l${index - 1}/../`.repeat(15)}l${index - 1}`,
      });
    }
    for (let index = 0; index < 200; index++) members.push({ name: `l29/${index}`, content: "" });
    const startedMs = performance.now();
    await unpackLayers([members]).then(
      () => {},
      (error: Error) => assert.match(error.message, /take too long to follow|below something/),
    );
    assert.ok(performance.now() - startedMs < 5000);
  });

  test("with two names that are one for the file system is refused, and overwrites nothing", async () => {
    // Linux tells all names apart; a name that is there already stands for that.
    const parts = buildImage([{ archive: tarOf([page]) }]);
    const source = sourceOf(parts);
    const image = await resolveImage(
      source,
      { tag: "v1" },
      { signal: AbortSignal.timeout(60_000), log() {} },
    );
    const staging = join(folder, `collision-${number++}`);
    mkdirSync(join(staging, "site"), { recursive: true });
    linkSync(join(outside, "secret"), join(staging, "site", "index.html"));
    const options = {
      source,
      image,
      path: "/www",
      staging,
      folder: join(staging, "site"),
      limits: defaultLimits,
    };
    await assert.rejects(
      unpackImage({ ...options, signal: AbortSignal.timeout(60_000), log() {} }),
      /takes ".*" for another name/,
    );
    rmSync(staging, { recursive: true });
  });
});

describe("a manifest", () => {
  const cases: [what: string, change: (manifest: Record<string, unknown>) => void, expected: RegExp][] = [
    [
      "has foreign layers",
      (m) => change(m, { mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" }),
      /is not unpacked here/,
    ],
    [
      "has layers of an unknown kind",
      (m) => change(m, { mediaType: "application/x-new" }),
      /is not unpacked here/,
    ],
    [
      "has layers that lie elsewhere",
      (m) => change(m, { urls: ["http://169.254.169.254/"] }),
      /fetched from elsewhere/,
    ],
    [
      "has a digest that is none",
      (m) => change(m, { digest: "sha256:../../x" }),
      /no digest that can be checked/,
    ],
    ["has a size that is none", (m) => change(m, { size: -1 }), /has no size/],
    ["has no layers", (m) => Object.assign(m, { layers: [] }), /no list of 1 to/],
    [
      "is an artifact",
      (m) =>
        Object.assign(m, {
          config: { mediaType: "application/vnd.cncf.helm.config.v1+json", digest: sha256("x"), size: 1 },
        }),
      /no container image/,
    ],
    ["is an index as well", (m) => Object.assign(m, { manifests: [] }), /at the same time/],
    [
      "is another thing for itself",
      (m) => Object.assign(m, { mediaType: "application/vnd.oci.image.index.v1+json" }),
      /for its bearer/,
    ],
    ["is of the first schema", (m) => Object.assign(m, { schemaVersion: 1 }), /schemaVersion/],
  ];
  function change(manifest: Record<string, unknown>, layer: object): void {
    const [first, ...rest] = manifest["layers"] as object[];
    manifest["layers"] = [{ ...first, ...layer }, ...rest];
  }
  for (const [what, damage, expected] of cases) {
    test(`that ${what} is refused`, async () => {
      await assert.rejects(unpack(siteImage({ "index.html": "x" }, { change: damage })), expected);
    });
  }

  test("whose bytes have another digest than was asked for is refused", async () => {
    const parts = siteImage({ "index.html": "x" });
    const options = { signal: AbortSignal.timeout(60_000), log() {} };
    await assert.rejects(
      resolveImage(sourceOf(parts), { digest: sha256("other") }, options),
      /that the test gave for/,
    );
  });
});

test("a refused image leaves no file of the site", async () => {
  const before = number;
  await assert.rejects(unpackLayers([[page, { name: "www/../x", content: "x" }]]));
  assert.equal(existsSync(join(folder, String(before), "site")), false);
});
