import assert from "node:assert/strict";
import { test } from "node:test";
import { imageNameFor } from "../../../cli/init.ts";
import { nearest } from "../../../cli/nearest.ts";
import { toServerArguments } from "../../../cli/server.ts";

const serverArguments: [string[], string[]][] = [
  [[], []],
  [["site"], ["-root-dir", "site"]],
  [
    ["site", "-no-metrics"],
    ["-root-dir", "site", "-no-metrics"],
  ],
  [
    ["--listen-addr", ":8080"],
    ["--listen-addr", ":8080"],
  ],
];
for (const [typed, expected] of serverArguments) {
  test(`'server ${typed.join(" ")}' starts the server with '${expected.join(" ")}'`, () => {
    assert.deepEqual(toServerArguments(typed), expected);
  });
}

const meant: [string, string | undefined][] = [
  ["inti", "init"],
  ["INIT", "init"],
  ["srve", "serve"],
  ["hoook", "hook"],
  ["publish", undefined],
];
for (const [typed, expected] of meant) {
  test(`'${typed}' is taken for ${expected ?? "nothing that exists"}`, () => {
    assert.equal(nearest(typed, ["init", "serve", "hook"]), expected);
  });
}

const imageNames: [string, string][] = [
  ["/home/me/my-site", "my-site"],
  ["/home/me/My Site 2", "my-site-2"],
  ["/home/me/.hidden_", "hidden"],
  ["/home/me/сайт", "my-site"],
];
for (const [folder, expected] of imageNames) {
  test(`the site in ${folder} becomes the image ${expected}`, () => {
    assert.equal(imageNameFor(folder), expected);
  });
}
