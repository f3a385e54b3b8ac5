import assert from "node:assert/strict";
import type { LookupAddress, LookupOptions } from "node:dns";
import { describe, test } from "node:test";
import { isPublicAddress, lookupPublic, type Resolve } from "../../../hook/http/public-address.ts";

describe("an address", () => {
  const privateOnes = [
    ...["0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1"],
    ...["172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "203.0.113.9", "224.0.0.1"],
    ...["240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1"],
    ...["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2001::1"],
    ...["2001:db8::1", "100::1", "localhost", ""],
  ];
  for (const address of privateOnes) {
    test(`like ${address || "none"} is not public`, () => assert.equal(isPublicAddress(address), false));
  }

  for (const address of ["1.1.1.1", "44.208.254.194", "172.15.0.1", "172.32.0.1", "2600:1f18:2148:bc02::1"]) {
    test(`like ${address} is public`, () => assert.equal(isPublicAddress(address), true));
  }
});

describe("a name's addresses", () => {
  function look(found: string[], options: LookupOptions = {}): Promise<unknown> {
    const addresses: LookupAddress[] = found.map((address) => ({
      address,
      family: address.includes(":") ? 6 : 4,
    }));
    const resolve: Resolve = (_name, _options, done) => done(null, addresses);
    return new Promise((fulfil, reject) => {
      lookupPublic(resolve)("hub.docker.com", options, (error, address) =>
        error === null ? fulfil(address) : reject(error),
      );
    });
  }

  test("are what is connected to when all are public", async () => {
    assert.equal(await look(["1.1.1.1", "8.8.8.8"]), "1.1.1.1");
    assert.deepEqual(await look(["1.1.1.1"], { all: true }), [{ address: "1.1.1.1", family: 4 }]);
  });

  test("are not connected to when one of them is not, or there is none", async () => {
    for (const found of [["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["2600::1", "::1"], []]) {
      await assert.rejects(look(found), /not public/);
      await assert.rejects(look(found, { all: true }), /not public/);
    }
  });

  test("may not be found at all", async () => {
    const resolve: Resolve = (_name, _options, done) => done(new Error("ENOTFOUND"), undefined as never);
    const looking = new Promise((_fulfil, reject) =>
      lookupPublic(resolve)("x", {}, (error) => reject(error)),
    );
    await assert.rejects(looking, /ENOTFOUND/);
  });
});
