import assert from "node:assert/strict";
import { test } from "node:test";
import { findPlace, sayWhatItIs } from "../../../cli/image/place.ts";
import { ImageError } from "../../../oci/image-error.ts";
import type { ImageSource } from "../../../oci/image-source.ts";
import { parseImageName } from "../../../oci/reference.ts";

const away: ImageSource = {
  name: "the registry",
  readManifest: async () => {
    throw new ImageError("it is not there", { isTemporary: true });
  },
  openBlob: async () => {
    throw new Error("no blob is asked for");
  },
};

test("what goes wrong with a name on Docker Hub says that it was taken for one, and stays the error that it was", async () => {
  const parsed = parseImageName("mysite");
  assert.ok("name" in parsed);
  const source = sayWhatItIs(away, parsed.name);
  await assert.rejects(source.readManifest({ tag: "v1" }, new AbortController().signal), (error) => {
    assert.ok(error instanceof ImageError && error.isTemporary);
    assert.equal(
      error.message,
      "it is not there ('mysite' was taken for the image docker.io/library/mysite: there is no such folder or file here)",
    );
    return true;
  });
});

const digest = `sha256:${"0".repeat(64)}`;
for (const image of [
  "mysite:v1",
  "acme/site:v1",
  `mysite@${digest}`,
  "docker.io/acme/site",
  "reg.example/site",
]) {
  test(`'${image}' is an image in a registry, as nothing on the disk has that name`, async () => {
    assert.equal((await findPlace(image)).kind, "registry");
  });
}
