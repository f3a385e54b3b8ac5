import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { textOfLog } from "../../../../hook/engine-api/containers.ts";
import type { Engine, EngineCall } from "../../../../hook/engine-api/engine.ts";
import { EngineError } from "../../../../hook/engine-api/error.ts";
import { digestIn, parseReference, pullImage, referenceOf } from "../../../../hook/engine-api/images.ts";
import { registryAuthHeader } from "../../../../hook/engine-api/registry-auth.ts";
import { parseImageName } from "../../../../oci/reference.ts";

const digest = `sha256:${"0".repeat(64)}`;

function nameOf(text: string) {
  const parsed = parseImageName(text);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.name;
}

describe("what a container's config calls its image", () => {
  const table: [text: string, repository: string | undefined, tag: string | null, digest: string | null][] = [
    ["stut/blog:v1", "stut/blog", "v1", null],
    ["blog", "blog", null, null],
    ["127.0.0.1:5000/stut/blog", "127.0.0.1:5000/stut/blog", null, null],
    [`127.0.0.1:5000/stut/blog:v1@${digest}`, "127.0.0.1:5000/stut/blog", "v1", digest],
    [`stut/blog@${digest}`, "stut/blog", null, digest],
    [digest, undefined, null, null],
    ["", undefined, null, null],
  ];
  for (const [text, repository, tag, expected] of table) {
    test(`"${text}" is ${repository ?? "no name"}`, () => {
      const parsed = parseReference(text);
      assert.equal(parsed?.name.text, repository);
      if (parsed !== undefined) assert.deepEqual([parsed.tag, parsed.digest], [tag, expected]);
    });
  }

  test("a digest is written with @, a tag with a colon", () => {
    assert.equal(referenceOf({ text: "blog" }, "v1"), "blog:v1");
    assert.equal(referenceOf({ text: "blog" }, digest), `blog@${digest}`);
  });

  test("an image's digest is the one of the asked repository", () => {
    const image = { RepoDigests: [`other/blog@sha256:${"1".repeat(64)}`, `docker.io/stut/blog@${digest}`] };
    assert.equal(digestIn(image, nameOf("stut/blog")), digest);
    assert.equal(digestIn({ RepoDigests: null }, nameOf("stut/blog")), null);
  });
});

describe("what an Engine shows a registry", () => {
  const decode = (header: Record<string, string>) =>
    JSON.parse(Buffer.from(header["x-registry-auth"] ?? "", "base64url").toString());

  test("is a user and a password, or an identity token, and for which registry", () => {
    const login = { username: "ci", password: "a?b>c" };
    assert.deepEqual(decode(registryAuthHeader(login, nameOf("stut/blog"))), {
      ...login,
      serveraddress: "https://index.docker.io/v1/",
    });
    assert.deepEqual(decode(registryAuthHeader({ identityToken: "t" }, nameOf("ghcr.io/a/b"))), {
      identitytoken: "t",
      serveraddress: "ghcr.io",
    });
    assert.deepEqual(registryAuthHeader(undefined, nameOf("stut/blog")), {});
  });

  test("is base64 of the URL's alphabet, with padding", () => {
    for (let length = 1; length < 40; length++) {
      const header = registryAuthHeader({ username: "ü".repeat(length), password: "?>~" }, nameOf("a/b"));
      assert.match(header["x-registry-auth"] ?? "", /^(?:[\w-]{4})*(?:[\w-]{2}==|[\w-]{3}=)?$/);
    }
  });
});

describe("a pull", () => {
  const pull = (lines: readonly unknown[] | EngineError) => {
    const engine = {
      where: "here",
      async *stream(_call: EngineCall) {
        if (lines instanceof EngineError) throw lines;
        yield* lines;
      },
    } as unknown as Engine;
    const { signal } = new AbortController();
    return pullImage(engine, { name: nameOf("stut/blog"), version: "v1", credentials: undefined, signal });
  };
  const refused = async (lines: Parameters<typeof pull>[0]) => {
    const error = await pull(lines).catch((reason: unknown) => reason);
    assert.ok(error instanceof EngineError);
    return error;
  };

  test("is read to its end, and counts the layers that came", async () => {
    const lines = [
      { status: "Pulling from stut/blog", id: "v1" },
      { status: "Already exists", id: "a" },
      { status: "Pull complete", id: "b" },
      { status: "Pull complete", id: "c" },
      "noise",
      { status: "Digest: sha256:…" },
    ];
    assert.equal(await pull(lines), 2);
  });

  test("that ends with an error in a good answer has failed", async () => {
    const error = await refused([
      { status: "Downloading" },
      { errorDetail: { message: "unexpected EOF" }, error: "unexpected EOF" },
    ]);
    assert.equal(error.message, "the Engine at here could not pull stut/blog:v1: unexpected EOF");
    assert.equal(error.isTemporary, true);
  });

  test("that the registry refuses is not tried again, whatever the Engine's status", async () => {
    const facts = {
      status: 500,
      said: "unauthorized: incorrect username or password",
      isTemporary: true,
      hasNoEffect: false,
    };
    assert.equal((await refused(new EngineError("500", facts))).isTemporary, false);
    assert.equal((await refused([{ error: "pull access denied for stut/blog" }])).isTemporary, false);
  });

  test("whose connection breaks is the connection's error", async () => {
    const away = new EngineError("nothing listens", { isTemporary: true, hasNoEffect: true });
    assert.equal(await refused(away), away);
  });
});

describe("a container's log", () => {
  const frame = (stream: number, text: string) => {
    const head = Buffer.alloc(8);
    head[0] = stream;
    head.writeUInt32BE(Buffer.byteLength(text), 4);
    return Buffer.concat([head, Buffer.from(text)]);
  };

  test("comes in frames, or as it is from a terminal", () => {
    assert.equal(textOfLog(Buffer.concat([frame(1, "ä\n"), frame(2, "b\n")])), "ä\nb\n");
    assert.equal(textOfLog(Buffer.from("plain text\n")), "plain text\n");
    assert.equal(textOfLog(Buffer.alloc(0)), "");
    assert.equal(textOfLog(Buffer.concat([frame(1, "cut").subarray(0, 10)])), "cu");
  });
});
