import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type {
  Container,
  ContainerConfig,
  Endpoint,
  HostConfig,
} from "../../../../hook/engine-api/containers.ts";
import {
  anonymousVolumesOf,
  endpointsOf,
  findConflict,
  ownConfig,
  ownHostConfig,
  withoutNames,
} from "../../../../hook/target/docker/copy.ts";

const id = "0123456789ab".padEnd(64, "0");
const volume = "f".repeat(64);

interface Given {
  config?: ContainerConfig;
  host?: HostConfig;
  networks?: Record<string, Endpoint>;
  mounts?: Container["Mounts"];
}

function containerOf({ config = {}, host = {}, networks = {}, mounts = [] }: Given): Container {
  const state = { Status: "running", Running: true, Restarting: false, ExitCode: 0, Error: "" };
  return {
    Id: id,
    Name: "/blog",
    Image: "sha256:old",
    RestartCount: 0,
    State: { ...state, StartedAt: "", FinishedAt: "" },
    Config: config,
    HostConfig: host,
    Mounts: mounts,
    NetworkSettings: { Networks: networks },
  };
}

describe("a container's own config", () => {
  const image: ContainerConfig = {
    Env: ["PATH=/bin", "SITE=image"],
    Cmd: ["serve"],
    Entrypoint: ["/statigo"],
    Labels: { version: "1", maintainer: "a" },
    WorkingDir: "/www",
    User: "65532",
    ExposedPorts: { "3000/tcp": {} },
    Volumes: { "/data": {} },
    Healthcheck: { Test: ["CMD", "/statigo", "--healthcheck"] },
  };
  const table: [title: string, config: ContainerConfig, own: ContainerConfig][] = [
    ["nothing, when all is the image's", { ...image, Hostname: id.slice(0, 12), Image: "blog:v1" }, {}],
    [
      "its variables, those that replace the image's too",
      { ...image, Env: ["PATH=/bin", "SITE=mine", "A=1"] },
      { Env: ["SITE=mine", "A=1"] },
    ],
    ["its arguments", { ...image, Cmd: ["serve", "--fast"] }, { Cmd: ["serve", "--fast"] }],
    [
      "its entry point, with arguments that are the image's by chance",
      { ...image, Entrypoint: ["/sh"] },
      { Entrypoint: ["/sh"], Cmd: ["serve"] },
    ],
    [
      "its labels",
      { ...image, Labels: { version: "1", maintainer: "b", site: "blog" } },
      { Labels: { maintainer: "b", site: "blog" } },
    ],
    [
      "its labels without ours",
      { ...image, Labels: { "statigo.container": "blog", site: "blog" } },
      { Labels: { site: "blog" } },
    ],
    ["its health check", { ...image, Healthcheck: { Test: ["NONE"] } }, { Healthcheck: { Test: ["NONE"] } }],
    [
      "its ports",
      { ...image, ExposedPorts: { "3000/tcp": {}, "9000/tcp": {} } },
      { ExposedPorts: { "9000/tcp": {} } },
    ],
    [
      "its user, folder and stop signal",
      { ...image, User: "0", WorkingDir: "/", StopSignal: "SIGINT" },
      { User: "0", WorkingDir: "/", StopSignal: "SIGINT" },
    ],
    ["a hostname that somebody chose", { ...image, Hostname: "blog" }, { Hostname: "blog" }],
    [
      "nothing of podman's",
      { ...image, Env: ["PATH=/bin", "SITE=image", "container=podman", `HOSTNAME=${id.slice(0, 12)}`] },
      {},
    ],
  ];
  const empty = { Env: [], Labels: {}, ExposedPorts: {} };
  for (const [title, config, own] of table) {
    test(`is ${title}`, () => {
      assert.deepEqual(ownConfig(containerOf({ config }), image), { ...empty, ...own });
    });
  }

  test("has no hostname in another's network", () => {
    const container = containerOf({ config: { Hostname: "host" }, host: { NetworkMode: "host" } });
    assert.equal("Hostname" in ownConfig(container, {}), false);
  });
});

describe("a container's own host config", () => {
  test("keeps what it is told, and makes links what an Engine takes", () => {
    const host = { Memory: 32, CapDrop: ["ALL"], Links: ["/db:/blog/database"], ContainerIDFile: "/x" };
    const own = ownHostConfig(containerOf({ host }), "keep");
    assert.deepEqual(own, { Memory: 32, CapDrop: ["ALL"], Links: ["db:database"], Binds: [] });
  });

  const given: Given = {
    host: {
      Binds: ["named:/named", "/etc/site:/etc/site:ro"],
      Mounts: [
        { Type: "volume", Target: "/mounted" },
        { Type: "volume", Source: "other", Target: "/other" },
      ],
    },
    mounts: [
      { Type: "volume", Name: "named", Destination: "/named", RW: true },
      { Type: "bind", Destination: "/etc/site", RW: false },
      { Type: "volume", Name: volume, Destination: "/cache", RW: true },
      { Type: "volume", Name: "e".repeat(64), Destination: "/mounted", RW: true },
      { Type: "volume", Name: "other", Destination: "/other", RW: true },
    ],
  };

  test("has the anonymous volumes by their names", () => {
    const own = ownHostConfig(containerOf(given), "keep");
    assert.deepEqual(own.Binds, ["named:/named", "/etc/site:/etc/site:ro", `${volume}:/cache`]);
    assert.deepEqual(own.Mounts, [
      { Type: "volume", Target: "/mounted", Source: "e".repeat(64) },
      { Type: "volume", Source: "other", Target: "/other" },
    ]);
    const paths = anonymousVolumesOf(containerOf(given)).map(({ path }) => path);
    assert.deepEqual(paths, ["/cache", "/mounted"]);
  });

  test("leaves them to the Engine where they are to be new", () => {
    const own = ownHostConfig(containerOf(given), "renew");
    assert.deepEqual([own.Binds, own.Mounts], [given.host?.Binds, given.host?.Mounts]);
  });
});

describe("a container's endpoints", () => {
  test("have aliases and fixed addresses, nothing of the run time, and the name as an alias", () => {
    const networks = {
      web: {
        IPAMConfig: { IPv4Address: "172.30.0.9" },
        Aliases: ["www", id.slice(0, 12), "blog-next-0123abcd"],
        NetworkID: "n",
        IPAddress: "172.30.0.9",
        MacAddress: "02:42:ac:1e:00:09",
        DriverOpts: null,
        Links: null,
      },
      bridge: { IPAMConfig: null, Aliases: null, IPAddress: "172.17.0.2" },
    };
    const endpoints = endpointsOf(containerOf({ networks }), "blog");
    const address = { IPAMConfig: { IPv4Address: "172.30.0.9" } };
    assert.deepEqual(endpoints, { web: { ...address, Aliases: ["www", "blog"] }, bridge: {} });
    assert.deepEqual(withoutNames(endpoints), { web: address, bridge: {} });
  });

  test("are none in another's network", () => {
    const given = { host: { NetworkMode: "container:abc" }, networks: { web: {} } };
    assert.deepEqual(endpointsOf(containerOf(given), "blog"), {});
  });
});

describe("two of a container can run at the same time", () => {
  const table: [given: Given, conflict: RegExp | undefined][] = [
    [{ networks: { web: { IPAMConfig: {} } } }, undefined],
    [
      { host: { PortBindings: { "80/tcp": [{ HostPort: "8000" }] } } },
      /publishes 80\/tcp on the host's port 8000/,
    ],
    [
      { host: { PortBindings: { "80/tcp": [{ HostPort: "" }, { HostPort: "0" }], "81/tcp": null } } },
      undefined,
    ],
    [{ host: { PublishAllPorts: true } }, undefined],
    [{ host: { NetworkMode: "host" } }, /the host's network/],
    [{ host: { NetworkMode: "container:abc" } }, /another container's network/],
    [
      { networks: { web: { IPAMConfig: { IPv4Address: "172.30.0.9" } } } },
      /a fixed address in the network web/,
    ],
    [{ networks: { web: { IPAMConfig: { IPv6Address: "fd00::9" } } } }, /a fixed address in the network web/],
    [{ config: { MacAddress: "02:42:ac:11:00:02" } }, /a fixed MAC address/],
    [{ host: { Links: ["/db:/blog/db"] } }, /links/],
  ];
  for (const [given, conflict] of table) {
    test(`${conflict === undefined ? "" : "not "}with ${JSON.stringify(given)}`, () => {
      const found = findConflict(containerOf(given));
      if (conflict === undefined) assert.equal(found, undefined);
      else assert.match(found ?? "", conflict);
    });
  }
});
