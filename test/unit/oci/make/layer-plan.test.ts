import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ArchiveEntry } from "../../../../oci/make/archive.ts";
import { planLayers } from "../../../../oci/make/layer-plan.ts";

const common = { target: "", modifiedSeconds: 0 };
const megabyte = 1_000_000;

function file(path: string, sizeBytes: number): ArchiveEntry {
  return { ...common, path, kind: "file", mode: 0o644, sizeBytes };
}

function folder(path: string): ArchiveEntry {
  return { ...common, path, kind: "directory", mode: 0o755, sizeBytes: 0 };
}

/** 100 MB: 40 of pages, 60 of pictures. */
const large = [
  folder("www"),
  folder("www/empty"),
  folder("www/img"),
  ...Array.from({ length: 40 }, (_, index) => file(`www/page-${index}.html`, megabyte)),
  ...Array.from({ length: 60 }, (_, index) => file(`www/img/photo-${index}.jpg`, megabyte)),
];

const leavesOf = (entries: readonly ArchiveEntry[]) =>
  entries.filter(({ kind }) => kind !== "directory").map(({ path }) => path);

describe("the layers of a site", () => {
  test("are one where it is small", () => {
    const entries = [folder("www"), file("www/index.html", 10), file("www/photo.jpg", megabyte)];
    assert.deepEqual(planLayers(entries), [{ name: "site", entries }]);
  });

  test("have every file once, pages and the rest apart, each below folders that it names", () => {
    const layers = planLayers(large);
    assert.deepEqual(
      layers.map(({ name }) => name),
      [
        "pages 1/4",
        "pages 2/4",
        "pages 3/4",
        "pages 4/4",
        "assets 1/4",
        "assets 2/4",
        "assets 3/4",
        "assets 4/4",
      ],
    );
    const all = layers.flatMap(({ entries }) => leavesOf(entries));
    assert.deepEqual(all.toSorted(), leavesOf(large).toSorted());
    for (const { name, entries } of layers) {
      const paths = entries.map(({ path }) => path);
      assert.equal(paths[0], "www", name);
      if (name.startsWith("assets")) assert.equal(paths[1], "www/img");
    }
    assert.ok(layers[0]?.entries.some(({ path }) => path === "www/empty"));
  });

  test("stay as they were, but for the one in which a page was edited", () => {
    const edited = large.map((entry) =>
      entry.path === "www/page-7.html" ? { ...entry, sizeBytes: megabyte + 1 } : entry,
    );
    const before = planLayers(large).map(({ entries }) => JSON.stringify(entries));
    const changed = planLayers(edited).filter(({ entries }) => !before.includes(JSON.stringify(entries)));
    assert.equal(changed.length, 1);
  });

  test("have a compressed sibling where its page is", () => {
    const siblings = ["br", "zst", "gz"].map((ending) => file(`www/page-7.html.${ending}`, 1000));
    const layer = planLayers([...large, ...siblings]).find(({ entries }) =>
      entries.some(({ path }) => path === "www/page-7.html"),
    );
    assert.equal(layer?.entries.filter(({ path }) => path.startsWith("www/page-7.html")).length, 4);
  });

  test("are never more than engines take, however large the site is", () => {
    const entries = Array.from({ length: 5000 }, (_, index) =>
      file(`www/${index}.${index % 2 ? "html" : "mp4"}`, 2 * megabyte),
    );
    assert.equal(planLayers(entries).length, 32);
  });
});
