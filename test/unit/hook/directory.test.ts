import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { parse, stringify } from "yaml";
import { parseConfig } from "../../../hook/config/load.ts";
import type { Deployment } from "../../../hook/store/deployment.ts";
import type { DeployContext, Outcome, Release, Target } from "../../../hook/target/target.ts";
import { readConfig, secretOf, temporaryFolder } from "../../support/hook.ts";
import {
  archiveOf,
  type ImageParts,
  layoutFiles,
  sha256,
  siteImage,
  tarOf,
  writeFiles,
} from "../../support/site-images.ts";

let folder: string;
const servers: Server[] = [];
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  rmSync(folder, { recursive: true, force: true });
});

function targetOf(options: object | undefined, { service = "blog", image = "stut/blog" } = {}): Target {
  const target = options === undefined ? {} : { target: { directory: options } };
  const services = { [service]: { image, secret: secretOf(service), ...target } };
  const config = readConfig(stringify({ store: "./hook.db", services }), folder);
  const found = config.services.get(service)?.target;
  assert.ok(found !== undefined);
  return found;
}

const lines: string[] = [];
function contextOf(signal = AbortSignal.timeout(20_000)): DeployContext {
  lines.length = 0;
  return {
    signal,
    log: (line) => void lines.push(line),
    deadline: new Date(Date.now() + 20_000),
    remember: async () => {},
  };
}

function deploy(target: Target, tag: string, digest: string | null = null): Promise<Outcome> {
  return target.deploy({ tag, digest } as Deployment, contextOf());
}

function rollBack(target: Target, to: Release): Promise<Outcome> {
  assert.ok(target.rollback !== undefined);
  return target.rollback(to, {} as Deployment, contextOf());
}

async function assertDeployed(target: Target, tag: string, digest: string | null = null): Promise<void> {
  const outcome = await deploy(target, tag, digest);
  assert.equal(outcome.kind, "succeeded", "reason" in outcome ? outcome.reason : "");
}

const partsOf = (tag: string) => siteImage({ "index.html": `<h1>${tag}</h1>` });
const layout = (...tags: string[]) => {
  const place = join(folder, "layout");
  writeFiles(place, layoutFiles(tags.map((tag) => ({ tag, parts: partsOf(tag) }))));
  return { from: { layout: "./layout" } };
};
const served = (site = "sites/blog") => readFileSync(join(folder, site, "current/index.html"), "utf8");
const releases = (site = "sites/blog") =>
  readdirSync(join(folder, site, "releases"))
    .map((name) => name.slice(0, 2))
    .sort();

/** What a registry answers for one image, as the test lets it. */
async function serveImage(
  parts: ImageParts,
  tag: string,
  interfere: (path: string) => number | "break" | undefined = () => undefined,
): Promise<{ host: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer(({ url = "" }, response) => {
    const path = url.replace("/v2/stut/blog/", "");
    asked.push(path);
    const [kind, reference = ""] = path.split("/");
    const bytes =
      kind === "blobs"
        ? parts.blobs.get(reference)
        : [tag, parts.digest].includes(reference)
          ? parts.manifest
          : undefined;
    const status = interfere(path);
    if (status === "break") {
      response
        .writeHead(200, { "content-length": bytes?.length ?? 0 })
        .write(bytes?.subarray(0, 10), () => response.destroy());
    } else if (typeof status === "number") response.writeHead(status).end();
    else if (bytes === undefined) response.writeHead(404).end();
    else
      response
        .writeHead(200, { "content-type": kind === "blobs" ? "application/octet-stream" : parts.mediaType })
        .end(bytes);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

describe("a service without a target", () => {
  test("has its releases in ./sites beside the config", async () => {
    const parts = partsOf("v1");
    const { host } = await serveImage(parts, "v1");
    const target = targetOf(undefined, { image: `${host}/stut/blog` });
    assert.equal(target.name, "directory");
    assert.equal(await target.current?.({ signal: AbortSignal.timeout(20_000) }), undefined);
    await assertDeployed(target, "v1");
    assert.equal(served(), "<h1>v1</h1>");
    assert.equal(
      readlinkSync(join(folder, "sites/blog/current")),
      `releases/v1-${parts.digest.slice(7, 19)}`,
    );
    assert.deepEqual(await target.current?.({ signal: AbortSignal.timeout(20_000) }), {
      tag: "v1",
      digest: parts.digest,
    });
  });
});

describe("releases in a folder", () => {
  test("are kept, the current and the previous in any case, and the others longest unused first", async () => {
    const target = targetOf({ ...layout("v1", "v2", "v3", "v4"), keep: 2 });
    for (const tag of ["v1", "v2", "v3", "v4"]) await assertDeployed(target, tag);
    assert.deepEqual(releases(), ["v3", "v4"]);
    assert.match(lines.join("\n"), /^removed v2-\w{12}$/m);
    assert.equal((await rollBack(target, { tag: "v3", digest: partsOf("v3").digest })).kind, "succeeded");
    assert.match(readlinkSync(join(folder, "sites/blog/previous")), /v4-/);
    assert.deepEqual(releases(), ["v3", "v4"]);
  });

  test("are gone back to without what they came from; one that was removed is fetched again", async () => {
    const target = targetOf({ ...layout("v1", "v2", "v3"), keep: 2 });
    for (const tag of ["v1", "v2", "v3"]) await assertDeployed(target, tag);
    renameSync(join(folder, "layout"), join(folder, "away"));
    assert.equal((await rollBack(target, { tag: "v2", digest: partsOf("v2").digest })).kind, "succeeded");
    assert.equal(served(), "<h1>v2</h1>");
    assert.equal((await rollBack(target, { tag: "v3", digest: null })).kind, "succeeded");
    assert.equal(served(), "<h1>v3</h1>");
    const failed = await rollBack(target, { tag: "v1", digest: partsOf("v1").digest });
    assert.ok(
      failed.kind === "failed" &&
        /index\.json is not there/.test(failed.reason) &&
        failed.engine === "unchanged",
    );
    renameSync(join(folder, "away"), join(folder, "layout"));
    assert.equal((await rollBack(target, { tag: "v1", digest: partsOf("v1").digest })).kind, "succeeded");
    assert.equal(served(), "<h1>v1</h1>");
  });

  test("are not fetched again when the same image comes under another tag", async () => {
    const parts = partsOf("v1");
    const { host, asked } = await serveImage(parts, "v1");
    const target = targetOf({}, { image: `${host}/stut/blog` });
    await assertDeployed(target, "v1");
    const before = asked.length;
    await assertDeployed(target, "stable", parts.digest);
    assert.deepEqual(
      asked.slice(before).filter((path) => path.includes("blobs")),
      [`blobs/${[...parts.blobs.keys()][0]}`],
    );
    assert.match(lines.join("\n"), /stable is the image of v1, which is unpacked already/);
    const files = ["v1", "stable"].map((tag) =>
      join(folder, `sites/blog/releases/${tag}-${parts.digest.slice(7, 19)}/index.html`),
    );
    assert.equal(new Set(files.map((file) => statSync(file).ino)).size, 1);
    await assertDeployed(target, "stable", parts.digest);
    assert.equal(asked.length, before + 2);
  });

  test("of one tag that was pushed twice are two", async () => {
    for (const version of ["one", "two"]) {
      writeFiles(join(folder, "layout"), layoutFiles([{ tag: "v1", parts: partsOf(version) }]));
      await assertDeployed(targetOf({ from: { layout: "./layout" } }), "v1");
      assert.equal(served(), `<h1>${version}</h1>`);
    }
    assert.equal(releases().length, 2);
  });

  test("of another service are not touched", async () => {
    const options = { ...layout("v1"), folder: "./shared" };
    await assertDeployed(targetOf(options), "v1");
    const outcome = await deploy(targetOf(options, { service: "shop" }), "v1");
    assert.ok(
      outcome.kind === "failed" &&
        /has releases of the service blog: give shop its own folder/.test(outcome.reason),
    );
    assert.equal(served("shared"), "<h1>v1</h1>");
  });

  test("do not take the place of a folder that somebody has made, and say what to do with it", async () => {
    for (const name of ["current", "previous"]) {
      const place = join(folder, "site", name);
      mkdirSync(place, { recursive: true });
      const outcome = await deploy(targetOf({ ...layout("v1"), folder: "./site" }), "v1");
      const reason = `${place} is a folder, where a link to a release has to be: move it away`;
      assert.deepEqual(outcome, { kind: "failed", reason, isTemporary: false, engine: "unchanged" });
      rmSync(place, { recursive: true });
    }
    await assertDeployed(targetOf({ ...layout("v1"), folder: "./site" }), "v1");
  });

  test("are two at least: the one that is served, and one to go back to", () => {
    assert.throws(
      () => targetOf({ keep: 1 }),
      /directory\.keep: must be at least 2: the release that is served/,
    );
  });

  test("whose record is lost go on being served while the same is deployed again", async () => {
    const target = targetOf(layout("v1"));
    await assertDeployed(target, "v1");
    rmSync(join(folder, "sites/blog/records"), { recursive: true });
    const inode = statSync(join(folder, "sites/blog/current/index.html")).ino;
    await assertDeployed(target, "v1");
    assert.notEqual(statSync(join(folder, "sites/blog/current/index.html")).ino, inode);
    assert.equal(releases().length, 2);
  });

  test("leave nothing of what an earlier hook did not finish", async () => {
    const site = join(folder, "sites/blog");
    mkdirSync(join(site, "staging/unpack-old/site"), { recursive: true });
    mkdirSync(join(site, "releases/v0-000000000000"), { recursive: true });
    mkdirSync(join(site, "records"));
    writeFileSync(join(site, "records/v9-999999999999.json"), "{}");
    symlinkSync("releases/v0-000000000000", join(site, ".current-0123456789ab"));
    await assertDeployed(targetOf(layout("v1")), "v1");
    assert.deepEqual(readdirSync(site).sort(), ["current", "records", "releases"]);
    assert.deepEqual([releases(), readdirSync(join(site, "records")).length], [["v1"], 1]);
  });
});

describe("an image", () => {
  test("may come as what docker save writes, old and new", async () => {
    const parts = partsOf("v1");
    mkdirSync(join(folder, "incoming"));
    writeFileSync(
      join(folder, "incoming/v1.tar"),
      archiveOf(layoutFiles([{ tag: "docker.io/stut/blog:v1", parts }])),
    );
    const [site, base] = [
      tarOf([{ name: "www/index.html", content: "<h1>v2</h1>" }]),
      tarOf([{ name: "bin", content: "x" }]),
    ];
    const ids = [site, base].map((bytes) => sha256(bytes).slice(7));
    const config = Buffer.from(
      JSON.stringify({ config: {}, rootfs: { diff_ids: [sha256(base), sha256(site), sha256(base)] } }),
    );
    const configName = `${sha256(config).slice(7)}.json`;
    const layers = [`${ids[1]}/layer.tar`, `${ids[0]}/layer.tar`, `${"f".repeat(64)}/layer.tar`];
    const manifest = JSON.stringify([{ Config: configName, RepoTags: ["stut/blog:v2"], Layers: layers }]);
    writeFileSync(
      join(folder, "incoming/v2.tar"),
      tarOf([
        { name: layers[0] ?? "", content: base },
        { name: layers[1] ?? "", content: site },
        { name: layers[2] ?? "", type: "2", target: `../${ids[1]}/layer.tar` },
        { name: "../evil", content: "x" },
        { name: configName, content: config },
        { name: "manifest.json", content: manifest },
      ]),
    );
    const target = targetOf({ from: { archive: "./incoming/$" + "{tag}.tar" } });
    for (const tag of ["v1", "v2"]) {
      await assertDeployed(target, tag);
      assert.equal(served(), `<h1>${tag}</h1>`);
    }
    assert.equal(existsSync(join(folder, "evil")), false);
    const missing = await deploy(target, "v3");
    assert.ok(missing.kind === "failed" && /the archive \S+v3\.tar is not there$/.test(missing.reason));
  });

  test("is fetched again where a connection broke, and tried again later when the registry is away", async () => {
    const parts = partsOf("v1");
    const [, layer = ""] = [...parts.blobs.keys()];
    let breaks = 2;
    const { host } = await serveImage(parts, "v1", (path) =>
      path.endsWith(layer) && breaks-- > 0 ? "break" : undefined,
    );
    await assertDeployed(targetOf({}, { image: `${host}/stut/blog` }), "v1");
    assert.equal(
      lines.filter((line) => line.includes("fetching sha256:") && line.includes(" again in ")).length,
      2,
    );
    const away = await serveImage(parts, "v1", () => 503);
    const outcome = await deploy(targetOf({ folder: "./other" }, { image: `${away.host}/stut/blog` }), "v1");
    assert.ok(outcome.kind === "failed" && outcome.isTemporary && /it answered 503 for/.test(outcome.reason));
    const gone = await deploy(targetOf({ folder: "./other" }, { image: "127.0.0.1:1/stut/blog" }), "v1");
    assert.ok(
      gone.kind === "failed" && gone.isTemporary && /nothing listens at/.test(gone.reason),
      JSON.stringify(gone),
    );
  });

  test("whose tag is missing, or whose digest is another, is not tried again", async () => {
    const { host } = await serveImage(partsOf("v1"), "v1");
    const target = targetOf({}, { image: `${host}/stut/blog` });
    const missing = await deploy(target, "v2");
    assert.ok(
      missing.kind === "failed" && !missing.isTemporary && /has no \S+\/stut\/blog "v2"/.test(missing.reason),
    );
    assert.equal(existsSync(join(folder, "sites/blog/staging")), false);
  });

  test("is left where it is when the deployment is cancelled", async () => {
    const target = targetOf(layout("v1"));
    const outcome = await target.deploy(
      { tag: "v1", digest: null } as Deployment,
      contextOf(AbortSignal.abort()),
    );
    assert.ok(outcome.kind === "failed" && outcome.engine === "unchanged");
    assert.equal(existsSync(join(folder, "sites/blog/current")), false);
    assert.equal(existsSync(join(folder, "sites/blog/staging")), false);
  });
});

describe("hook check of a folder", () => {
  const check = (target: Target) => target.check?.({ signal: AbortSignal.timeout(60_000) });

  test("says what would go where, and makes nothing", async () => {
    const result = await check(targetOf({ ...layout("v1"), path: "/srv", keep: 3 }));
    const site = join(folder, "sites/blog");
    const detail = `would unpack /srv into ${site} (where it goes when no folder is named), which has no release yet, and keep 3 releases; ${join(folder, "layout")} is an OCI layout`;
    assert.deepEqual(result, { ok: true, detail });
    assert.equal(existsSync(site), false);
  });

  test("finds what stands in the way", async () => {
    writeFileSync(join(folder, "file"), "");
    mkdirSync(join(folder, "site/current"), { recursive: true });
    const cases: [options: object, expected: RegExp][] = [
      [{ ...layout("v1"), folder: "./file/below" }, /file\/below cannot be written \(ENOTDIR\)/],
      [
        { ...layout("v1"), folder: "./site" },
        /site\/current is a folder, where a link to a release has to be: move it away/,
      ],
      [{ from: { layout: "./nowhere" } }, /nowhere is no OCI layout/],
    ];
    for (const [options, expected] of cases) {
      const result = await check(targetOf(options));
      assert.ok(result?.ok === false && expected.test(result.problem), JSON.stringify(result));
    }
    const away = await check(targetOf({}, { image: "127.0.0.1:1/stut/blog" }));
    assert.ok(away?.ok === false && /nothing listens at/.test(away.problem));
  });
});

describe("the examples of docs/targets/directory.md", () => {
  const text = readFileSync(new URL("../../../docs/targets/directory.md", import.meta.url), "utf8");
  const examples = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  for (const [index, example] of examples.entries()) {
    test(`are valid: number ${index + 1}`, () => {
      const { services, ...config } = parse(example) as { services: Record<string, object> };
      const rest = { image: "acme/blog", secret: secretOf("blog") };
      const complete = {
        store: "./hook.db",
        ...config,
        services: { blog: { ...rest, ...services["blog"] } },
      };
      const environment = {
        HOOK_API_TOKEN: "a".repeat(20),
        BLOG_SECRET: "b".repeat(20),
        REGISTRY_PASSWORD: "c",
      };
      const result = parseConfig(stringify(complete), "hook.yaml", environment);
      assert.ok("config" in result, "problems" in result ? result.problems.join("\n") : "");
      assert.equal(result.config.services.get("blog")?.target.name, "directory");
    });
  }

  const wrong: [options: object, expected: RegExp][] = [
    [{ path: "www" }, /directory\.path: must be a path within the image/],
    [{ from: {} }, /from: must have exactly one of layout, archive/],
    [{ keep: 1 }, /keep/],
    [{ limits: { site: "1GB" } }, /limits\.site: must be a size such as 512MiB or 2GiB/],
    [{ limits: { files: 3 } }, /limits/],
  ];
  for (const [options, expected] of wrong) {
    test(`${JSON.stringify(options)} is refused with what to write`, () => {
      const blog = { image: "acme/blog", secret: secretOf("blog"), target: { directory: options } };
      const result = parseConfig(stringify({ store: "./hook.db", services: { blog } }), "hook.yaml", {});
      assert.ok("problems" in result);
      assert.match(result.problems.join("\n"), expected);
    });
  }
});
