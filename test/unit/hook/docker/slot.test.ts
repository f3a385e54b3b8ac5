import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ListedContainer } from "../../../../hook/engine-api/containers.ts";
import { membersOf, plainName } from "../../../../hook/target/docker/family.ts";
import { labelNames, newName, roleIn } from "../../../../hook/target/docker/slot.ts";

describe("a name in a slot", () => {
  const table: [name: string, role: string | undefined][] = [
    ["blog", "holder"],
    ["blog-next-0123abcd", "next"],
    ["blog-old-0123abcd", "old"],
    ["blog-old-0123abc", undefined],
    ["blog-old-0123ABCD", undefined],
    ["blog-new-0123abcd", undefined],
    ["my-blog", undefined],
    ["blog2", undefined],
    ["blog-old-0123abcd-old-0123abcd", undefined],
  ];
  for (const [name, role] of table) {
    test(`${name} is ${role ?? "no part of it"}`, () => assert.equal(roleIn("blog", name), role));
  }

  test("is understood when it was made here", () => {
    for (const role of ["next", "old"] as const) assert.equal(roleIn("a.b_c", newName("a.b_c", role)), role);
  });
});

describe("a slot's members", () => {
  const listed = (Id: string, name: string, Labels: Record<string, string> = {}): ListedContainer => ({
    Id,
    Names: [`/${name}`],
    Image: "",
    ImageID: "",
    State: "running",
    Labels,
  });
  const ours = (replaces: string) => ({ [labelNames.slot]: "blog", [labelNames.replaces]: replaces });

  test("are the holder, ours, and the one without our label that ours came after", () => {
    const members = membersOf("blog", [
      listed("c", "blog", ours("b")),
      listed("b", "blog-old-00000002", ours("a")),
      listed("a", "blog-old-00000001"),
      listed("d", "blog-next-00000003", ours("c")),
    ]);
    assert.deepEqual(members, { holder: ["c"], next: ["d"], old: ["b", "a"] });
  });

  test("are not those of a stranger who likes such names", () => {
    const members = membersOf("blog", [
      listed("a", "blog"),
      listed("x", "blog-old-00000001"),
      listed("y", "blog-next-00000001", { [labelNames.slot]: "other" }),
    ]);
    assert.deepEqual(members, { holder: ["a"], next: [], old: [] });
  });

  test("are known by their own name, not by one that a link gives", () => {
    assert.equal(plainName({ Names: ["/other/db", "/db"] }), "db");
    assert.equal(plainName({ Names: null }), "");
  });
});
