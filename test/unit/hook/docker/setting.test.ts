import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { configOf, readConfig } from "../../../support/hook.ts";

const read = (options: object) => readConfig(configOf({ blog: JSON.stringify({ docker: options }) }), "/tmp");

describe("the docker target's config", () => {
  const good: object[] = [
    {},
    { container: "blog" },
    { container: ["blog-1", "blog-2"], keep: 3, order: "stop-first" },
    { label: "site=blog", pull: "missing" },
    { engine: "tcp://127.0.0.1:2375", health: { probe: { port: 3000, status: [200, 204] } } },
  ];
  for (const options of good) {
    test(`may be ${JSON.stringify(options)}`, () => {
      assert.equal(read(options).services.get("blog")?.target.name, "docker");
    });
  }

  const bad: [options: object, problem: RegExp][] = [
    [{ container: "blog", label: "site=blog" }, /target\.docker.*has a container and a label: keep one/],
    [
      { container: "-blog" },
      /container.*must be a container's name, or a list of them|not a container's name/,
    ],
    [{ container: [] }, /container/],
    [{ engine: "ssh://host" }, /engine.*must be unix:\/\//],
    [{ engine: "tcp://10.0.0.5:2375" }, /engine.*is spoken to without TLS/],
    [{ username: "ci" }, /username and password go together/],
    [{ username: "ci", password: "secret-password", dockerConfig: "x" }, /has a username and a dockerConfig/],
    [{ health: { probe: { port: 0 } } }, /health\.probe\.port/],
    [{ health: { probe: { port: 80, path: "x" } } }, /must begin with a slash/],
    [{ stopTimeout: "10" }, /stopTimeout.*not a duration/],
    [{ keep: -1 }, /keep/],
    [{ oder: "auto" }, /order/],
  ];
  for (const [options, problem] of bad) {
    test(`must not be ${JSON.stringify(options)}`, () => assert.throws(() => read(options), problem));
  }
});
