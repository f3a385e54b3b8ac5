import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isSameImage, parseImageName } from "../../../oci/reference.ts";

function read(text: string): string {
  const result = parseImageName(text);
  return "name" in result ? `${result.name.registry} ${result.name.repository}` : `! ${result.problem}`;
}

describe("image names", () => {
  const readings: [text: string, expected: string][] = [
    ["stut/blog", "docker.io stut/blog"],
    ["nginx", "docker.io library/nginx"],
    ["docker.io/stut/blog", "docker.io stut/blog"],
    ["index.docker.io/stut/blog", "docker.io stut/blog"],
    ["registry.gitlab.com/lucj/sophia.events", "registry.gitlab.com lucj/sophia.events"],
    ["localhost/site", "localhost site"],
    ["localhost:5000/site", "localhost:5000 site"],
    ["127.0.0.1:5000/a/b/c", "127.0.0.1:5000 a/b/c"],
    ["REG.example/acme/web", "reg.example acme/web"],
  ];
  for (const [text, expected] of readings) {
    test(`${text} is ${expected}`, () => assert.equal(read(text), expected));
  }

  const refused: [text: string, because: RegExp][] = [
    ["stut/blog:latest", /tag/],
    ["localhost:5000/blog:1", /tag/],
    ["stut/blog@sha256:abc", /digest/],
    ["https://reg.example/blog", /has https:\/\/ in front; leave that out/],
    ["Stut/Blog", /docker pull/],
    ["stut/../blog", /docker pull/],
    ["stut//blog", /docker pull/],
    ["", /docker pull/],
    ["stut/blog; rm -rf /", /docker pull/],
    ["a".repeat(256), /255/],
  ];
  for (const [text, because] of refused) {
    test(`${JSON.stringify(text.slice(0, 30))} is refused`, () => assert.match(read(text), because));
  }

  test("one repository on two registries is two images", () => {
    const [hub, gitlab] = [parseImageName("lucj/site"), parseImageName("registry.gitlab.com/lucj/site")];
    assert.ok("name" in hub && "name" in gitlab);
    assert.equal(isSameImage(hub.name, gitlab.name), false);
  });
});
