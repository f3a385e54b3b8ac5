import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isOpenToNetwork, parseEngineAddress } from "../../../../hook/engine-api/address.ts";

describe("an Engine's address", () => {
  const good: [text: string, hasTls: boolean, url: string, socketPath: string | undefined][] = [
    ["unix:///var/run/docker.sock", false, "http://localhost/", "/var/run/docker.sock"],
    ["tcp://10.0.0.5:2376", true, "https://10.0.0.5:2376/", undefined],
    ["tcp://10.0.0.5", true, "https://10.0.0.5:2376/", undefined],
    ["tcp://127.0.0.1", false, "http://127.0.0.1:2375/", undefined],
    ["tcp://[::1]:2375", false, "http://[::1]:2375/", undefined],
    [
      "https://portainer.lan/api/endpoints/1/docker",
      true,
      "https://portainer.lan/api/endpoints/1/docker",
      undefined,
    ],
    ["http://127.0.0.1:2375", false, "http://127.0.0.1:2375/", undefined],
  ];
  for (const [text, hasTls, url, socketPath] of good) {
    test(`${text} ${hasTls ? "with" : "without"} TLS is ${socketPath ?? url}`, () => {
      const result = parseEngineAddress(text, { hasTls });
      assert.ok("address" in result);
      assert.equal(result.address.url.href, url);
      assert.equal(result.address.socketPath, socketPath);
    });
  }

  const bad = [
    "",
    "/var/run/docker.sock",
    "unix://docker.sock",
    "ssh://host",
    "npipe:////./pipe/docker",
    "tcp://",
    "tcp://user@host:2375",
    "http://host/?a=b",
  ];
  for (const text of bad) {
    test(`"${text}" is none`, () => {
      const result = parseEngineAddress(text, { hasTls: false });
      assert.ok("problem" in result);
      assert.match(result.problem, /must be unix:\/\//);
    });
  }

  test("http with TLS configured is a mistake", () => {
    const result = parseEngineAddress("http://host:2375", { hasTls: true });
    assert.deepEqual(result, { problem: "has tls, but the address is http: write https or tcp" });
  });

  const openness: [text: string, hasTls: boolean, isOpen: boolean][] = [
    ["unix:///run/docker.sock", false, false],
    ["tcp://127.0.0.1:2375", false, false],
    ["tcp://localhost:2375", false, false],
    ["tcp://[::1]:2375", false, false],
    ["tcp://10.0.0.5:2376", true, false],
    ["tcp://10.0.0.5:2375", false, true],
    ["http://docker-proxy:2375", false, true],
  ];
  for (const [text, hasTls, isOpen] of openness) {
    test(`${text} ${hasTls ? "with" : "without"} TLS is ${isOpen ? "" : "not "}open to the network`, () => {
      const result = parseEngineAddress(text, { hasTls });
      assert.ok("address" in result);
      assert.equal(isOpenToNetwork(result.address), isOpen);
    });
  }
});
