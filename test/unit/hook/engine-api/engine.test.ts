import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseEngineAddress } from "../../../../hook/engine-api/address.ts";
import { connectEngine, type Engine, type EngineSetting } from "../../../../hook/engine-api/engine.ts";
import { EngineError } from "../../../../hook/engine-api/error.ts";
import { temporaryFolder } from "../../../support/hook.ts";

const version = { Version: "20.10.24", ApiVersion: "1.41", MinAPIVersion: "1.12" };
const { signal } = new AbortController();

function settingOf(text: string): EngineSetting {
  const result = parseEngineAddress(text, { hasTls: false });
  if ("problem" in result) throw new Error(result.problem);
  return { address: result.address };
}

/** A server that speaks like an Engine as far as a test needs it. */
async function withServer(listener: RequestListener, work: (text: string) => Promise<void>, socket = false) {
  const server = createServer(listener);
  const folder = temporaryFolder();
  const path = join(folder, "docker.sock");
  await new Promise<void>((resolve) =>
    socket ? server.listen(path, resolve) : server.listen(0, "127.0.0.1", resolve),
  );
  try {
    await work(socket ? `unix://${path}` : `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  }
}

/** One that answers for its version, and leaves the rest to the test. */
async function withEngine(
  listener: RequestListener,
  work: (engine: Engine) => Promise<void>,
  socket = false,
) {
  await withServer(
    (request, response) => {
      if (request.url === "/version") response.end(JSON.stringify(version));
      else listener(request, response);
    },
    async (text) => work(await connectEngine(settingOf(text), signal)),
    socket,
  );
}

async function errorOf(work: Promise<unknown>): Promise<EngineError> {
  const error = await work.then(
    () => new Error("there was no error"),
    (reason: unknown) => reason,
  );
  if (error instanceof EngineError) return error;
  throw error;
}

describe("connecting to an Engine", () => {
  test("tells product and version, and speaks the version that both know", async () => {
    const asked: string[] = [];
    await withEngine(
      (request, response) => {
        asked.push(request.url ?? "");
        response.end("[]");
      },
      async (engine) => {
        assert.equal(engine.product, "Docker 20.10.24");
        assert.equal(engine.isPodman, false);
        assert.deepEqual(engine.api, { major: 1, minor: 41 });
        assert.ok(engine.hasApi(1, 41) && !engine.hasApi(1, 44));
        const query = { all: true, filters: { label: ["a=b"] }, limit: undefined };
        await engine.call({ method: "GET", path: "/containers/json", query, what: "list", signal });
        assert.deepEqual(asked, [
          "/v1.41/containers/json?all=true&filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D",
        ]);
      },
    );
  });

  test("goes over a unix socket", async () => {
    await withEngine(
      (_request, response) => response.end("{}"),
      async (engine) => assert.match(engine.where, /^unix:\/\//),
      true,
    );
  });

  test("knows podman by its components", async () => {
    const podman = { ...version, Version: "4.3.1", Components: [{ Name: "Podman Engine" }] };
    await withServer(
      (_request, response) => response.end(JSON.stringify(podman)),
      async (text) => {
        const engine = await connectEngine(settingOf(text), signal);
        assert.equal(engine.product, "Podman 4.3.1");
        assert.equal(engine.isPodman, true);
      },
    );
  });

  const refused: [title: string, body: string, status: number, message: RegExp, isTemporary?: true][] = [
    [
      "an Engine that is too old",
      JSON.stringify({ ...version, ApiVersion: "1.39" }),
      200,
      /speaks the API 1\.39: 1\.40 or newer is needed/,
    ],
    ["a proxy's page, which may pass", "<h1>hello</h1>", 200, /Engine: its answer is not JSON/, true],
    ["another JSON service", '{"ok":true}', 200, /is not a Docker Engine: it tells no API version/],
    ["a proxy that forbids it", '{"message":"no"}', 403, /refused to tell its version \(403: no\)/],
  ];
  for (const [title, body, status, message, isTemporary = false] of refused) {
    test(`refuses ${title}`, async () => {
      await withServer(
        (_request, response) => response.writeHead(status).end(body),
        async (text) => {
          const error = await errorOf(connectEngine(settingOf(text), signal));
          assert.match(error.message, message);
          assert.equal(error.isTemporary, isTemporary);
        },
      );
    });
  }

  test("says that there is no socket, and that it may come", async () => {
    const error = await errorOf(connectEngine(settingOf("unix:///nowhere/docker.sock"), signal));
    assert.match(error.message, /there is no socket \/nowhere\/docker\.sock: does Docker run/);
    assert.ok(error.isTemporary && error.hasNoEffect);
  });
});

describe("asking an Engine", () => {
  test("an error says what was asked for and what the Engine said", async () => {
    await withEngine(
      (_request, response) => response.writeHead(409).end('{"message":"name is\\n in use"}'),
      async (engine) => {
        const call = { method: "POST", path: "/containers/create", body: {}, signal } as const;
        const error = await errorOf(engine.call({ ...call, what: "create a container" }));
        assert.match(error.message, /refused to create a container \(409: name is in use\)$/);
        assert.deepEqual([error.status, error.said], [409, "name is in use"]);
        assert.ok(!error.isTemporary && error.hasNoEffect);
      },
    );
  });

  test("5xx may pass, and may have had an effect", async () => {
    await withEngine(
      (_request, response) => response.writeHead(500).end("oops"),
      async (engine) => {
        const error = await errorOf(engine.call({ method: "GET", path: "/info", what: "tell", signal }));
        assert.match(error.message, /refused to tell \(500\)$/);
        assert.ok(error.isTemporary && !error.hasNoEffect);
      },
    );
  });

  test("304 and 404 are answers where the caller says so", async () => {
    await withEngine(
      (request, response) => response.writeHead(request.url?.includes("stop") ? 304 : 404).end(),
      async (engine) => {
        const stop = { method: "POST", path: "/containers/a/stop", what: "stop", signal } as const;
        assert.equal((await engine.call({ ...stop, alsoGood: [304] })).status, 304);
        const find = { method: "GET", path: "/containers/a/json", what: "inspect", signal } as const;
        assert.deepEqual(await engine.call({ ...find, alsoGood: [404] }), { status: 404, body: undefined });
      },
    );
  });

  test("a connection that breaks within an answer is an error, and may have had an effect", async () => {
    await withEngine(
      (_request, response) => {
        response.writeHead(200, { "content-length": "100" }).write("{");
        setTimeout(() => response.destroy(), 10);
      },
      async (engine) => {
        const error = await errorOf(engine.call({ method: "GET", path: "/info", what: "tell", signal }));
        assert.ok(error.isTemporary && !error.hasNoEffect);
      },
    );
  });

  test("a question that is not answered may be asked again; a change is waited for", async () => {
    await withServer(
      async (request, response) => {
        if (request.url === "/version") return void response.end(JSON.stringify(version));
        if (request.method === "GET") return;
        await sleep(150);
        response.writeHead(204).end();
      },
      async (text) => {
        const engine = await connectEngine({ ...settingOf(text), readTimeoutMs: 50 }, signal);
        const error = await errorOf(engine.call({ method: "GET", path: "/info", what: "tell", signal }));
        assert.match(error.message, /did not answer in time, asked to tell$/);
        assert.ok(error.isTemporary && error.hasNoEffect);
        const stop = { method: "POST", path: "/containers/a/stop", what: "stop", signal } as const;
        assert.equal((await engine.call(stop)).status, 204);
      },
    );
  });

  test("an abort ends a call that hangs", async () => {
    await withEngine(
      () => {},
      async (engine) => {
        const limit = AbortSignal.timeout(30);
        const call = { method: "GET", path: "/info", what: "tell of itself", signal: limit } as const;
        const error = await errorOf(engine.call(call));
        assert.match(error.message, /^stopped waiting for the Engine at .* to tell of itself$/);
      },
    );
  });
});

describe("a stream of an Engine's", () => {
  const call = { method: "POST", path: "/images/create", what: "pull", signal } as const;

  test("gives each line as it comes, wherever it was cut", async () => {
    await withEngine(
      async (_request, response) => {
        for (const part of ['{"a":"', 'ü"}\r\n{"b"', ':2}\r\n\r\n{"c":3}']) {
          response.write(part);
          await sleep(5);
        }
        response.end();
      },
      async (engine) => {
        const lines: unknown[] = [];
        for await (const line of engine.stream(call)) lines.push(line);
        assert.deepEqual(lines, [{ a: "ü" }, { b: 2 }, { c: 3 }]);
      },
    );
  });

  test("is an error when its connection breaks, or a line is not JSON", async () => {
    await withEngine(
      async (request, response) => {
        response.write('{"a":1}\n');
        if (request.url?.includes("broken")) setTimeout(() => response.destroy(), 10);
        else response.end("not JSON\n");
      },
      async (engine) => {
        const read = async (path: string) => {
          for await (const _line of engine.stream({ ...call, path }));
        };
        assert.match((await errorOf(read("/broken"))).message, /could not be asked: ECONNRESET/);
        assert.match((await errorOf(read("/text"))).message, /a line that is not JSON: not JSON/);
      },
    );
  });

  test("that is left ends its request", async () => {
    let isClosed = false;
    await withEngine(
      (_request, response) => {
        response.on("close", () => {
          isClosed = true;
        });
        response.write('{"a":1}\n');
      },
      async (engine) => {
        for await (const _line of engine.stream(call)) break;
        for (let tries = 0; !isClosed && tries < 100; tries++) await sleep(10);
        assert.ok(isClosed);
      },
    );
  });
});
