import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isInContainer, type Surroundings } from "../../../../hook/target/docker/own-container.ts";

const id = "0f1e2d3c4b5a".padEnd(64, "6");
const other = "a".repeat(64);
const outside: Surroundings = { cgroup: "0::/user.slice/user-0.slice\n", mountinfo: "", hostname: "machine" };
const mount = (root: string, place: string) =>
  `712 690 254:1 ${root} ${place} rw,relatime - ext4 /dev/vda1 rw\n`;

describe("a process knows the container it runs in", () => {
  const inside: [how: string, surroundings: Partial<Surroundings>][] = [
    ["cgroups v1", { cgroup: `12:pids:/docker/${id}\n11:cpu:/docker/${id}\n` }],
    ["cgroups v2, systemd", { cgroup: `0::/system.slice/docker-${id}.scope\n` }],
    ["podman's cgroup", { cgroup: `0::/machine.slice/libpod-${id}.scope/container\n` }],
    [
      "Docker's files",
      { cgroup: "0::/\n", mountinfo: mount(`/var/lib/docker/containers/${id}/hostname`, "/etc/hostname") },
    ],
    [
      "podman's files",
      {
        cgroup: "0::/\n",
        mountinfo: mount(`/containers/overlay-containers/${id}/userdata/hosts`, "/etc/hosts"),
      },
    ],
    ["its hostname", { hostname: id.slice(0, 12) }],
  ];
  for (const [how, surroundings] of inside) {
    test(`by ${how}`, () => {
      assert.equal(isInContainer(id, { ...outside, ...surroundings }), true);
      assert.equal(isInContainer(other, { ...outside, ...surroundings }), false);
    });
  }

  const strangers: [why: string, surroundings: Partial<Surroundings>][] = [
    ["on the machine itself", {}],
    [
      "that sees another container's folder",
      { mountinfo: mount(`/var/lib/docker/containers/${id}`, "/mnt/x") },
    ],
    ["on a machine that is called like a part of the id", { hostname: id.slice(0, 8) }],
  ];
  for (const [why, surroundings] of strangers) {
    test(`and is in none ${why}`, () =>
      assert.equal(isInContainer(id, { ...outside, ...surroundings }), false));
  }

  test("an id that is none is nobody's", () => assert.equal(isInContainer("", outside), false));
});
