/** The build for 64-bit ARM, under qemu: the same answers as on x86-64, from its own file and out of an image of two platforms. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { isOnPath } from "../../build/setup.ts";
import { startCommand } from "../support/command-line.ts";
import { get, RawClient, type RawResponse, requestText } from "../support/raw-http.ts";
import { nativeRuntime, type Runtime, type ServerProcess, startServer } from "../support/server-process.ts";
import { makeSiteFolder, modifiedText } from "../support/site-folder.ts";

const execute = promisify(execFile);
const program = resolve(import.meta.dirname, "../../dist/native/linux-arm64/statigo");
const emulator = "qemu-aarch64";

function whyMissing(): string | false {
  if (!existsSync(program))
    return "dist/native/linux-arm64/statigo is not built: npm run build:native -- --arm64";
  return isOnPath(emulator)
    ? nativeRuntime.missing
    : `${emulator} is not installed: apt-get install qemu-user`;
}

function arm64(file: string): Runtime {
  return { name: "arm64", command: [emulator, file], missing: false };
}

const requests: readonly [string, string[]?, string?][] = [
  ["/"],
  ["/docs"],
  ["/page"],
  ["/nowhere"],
  ["/digits.txt", ["Range: bytes=2-5"]],
  ["/digits.txt", ["Range: bytes=0-1,4-5,9-"]],
  ["/digits.txt", ["Range: bytes=20-"]],
  ["/digits.txt", [`If-Modified-Since: ${modifiedText}`]],
  ["/empty.txt"],
  ["/script.js", ["Accept-Encoding: gzip, br, zstd"]],
  ["/big.bin"],
  ["/big.bin", [], "HEAD"],
  ["/../secret.txt"],
  ["/%zz"],
  ["/health"],
  ["/", [], "POST"],
];

function withoutDate({ fields }: RawResponse): [string, string][] {
  return [...fields].filter(([name]) => name.toLowerCase() !== "date");
}

describe("the server for arm64", { skip: whyMissing() }, () => {
  const folder = makeSiteFolder();
  const work = mkdtempSync(join(tmpdir(), "statigo-arm64-"));
  const flags = ["-root-dir", folder.root, "--no-metrics"];
  let servers: ServerProcess[] = [];
  before(async () => {
    servers = await Promise.all(
      [nativeRuntime, arm64(program)].map((runtime) => startServer(runtime, flags)),
    );
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.stop("SIGKILL")));
    folder.remove();
    rmSync(work, { recursive: true, force: true });
  });

  for (const [target, fields = [], method = "GET"] of requests) {
    test(`${method} ${target} ${fields.join(" ")} is answered byte by byte as on x86-64`, async () => {
      const [expected, answer] = await Promise.all(
        servers.map(({ port }) => get(port, target, fields, method)),
      );
      assert.ok(expected !== undefined && answer !== undefined);
      assert.equal(answer.status, expected.status);
      assert.ok(answer.content.equals(expected.content));
      assert.deepEqual(withoutDate(answer), withoutDate(expected));
    });
  }

  test("a broken request and an end by SIGTERM are as on x86-64 too", async () => {
    const broken = await Promise.all(
      servers.map(async ({ port }) => {
        const client = await RawClient.open(port);
        client.send(`${requestText("/").replace("HTTP/1.1", "HTTP/9.9")}`);
        const [answer] = await client.responses(1);
        client.close();
        return answer?.status;
      }),
    );
    assert.equal(broken[0], broken[1]);
    assert.deepEqual(await Promise.all(servers.map((server) => server.stop())), [0, 0]);
  });

  test("an image for both platforms holds it, and it serves the site that is in the image", async () => {
    const layout = join(work, "layout");
    const site = join(work, "site");
    mkdirSync(site);
    writeFileSync(join(site, "index.html"), "<h1>home</h1>\n");
    const args = ["image", "build", site, "-o", layout, "--platform", "linux/amd64,linux/arm64", "-q"];
    const { status, err } = await startCommand(args, { XDG_CACHE_HOME: join(work, "cache") }).ended;
    assert.equal(status, 0, err);
    const read = (digest: string) => JSON.parse(readFileSync(blob(digest), "utf8"));
    const blob = (digest: string) => join(layout, "blobs", digest.replace(":", "/"));
    let [entry] = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")).manifests;
    const { manifests } = read(entry.digest);
    assert.deepEqual(
      manifests.map(({ platform }: { platform: object }) => platform),
      [
        { architecture: "amd64", os: "linux" },
        { architecture: "arm64", os: "linux" },
      ],
    );
    entry = manifests[1];
    const root = join(work, "root");
    mkdirSync(root);
    for (const { digest } of read(entry.digest).layers)
      await execute("tar", ["-xf", blob(digest), "-C", root]);
    assert.ok(readFileSync(join(root, "statigo")).equals(readFileSync(program)));
    chmodSync(join(root, "statigo"), 0o755);
    const server = await startServer(arm64(join(root, "statigo")), ["-root-dir", join(root, "www")]);
    assert.equal((await get(server.port, "/")).content.toString(), "<h1>home</h1>\n");
    assert.equal(await server.stop(), 0);
  });
});
