import assert from "node:assert/strict";
import { BlockList, isIP } from "node:net";
import { describe, test } from "node:test";
import { clientAddress, parseAddress, parseNetworks } from "../../../server/client-address.ts";

const trusted = parseNetworks("10.0.0.0/8, 192.0.2.1, fd00::/8, ::1").networks;
const client = (peer: string, list: string, forwarded = "") => clientAddress(peer, list, forwarded, trusted);

describe("the client behind trusted proxies", () => {
  const table: readonly (readonly [string, string, string, string, string])[] = [
    ["is the peer where it is no proxy", "203.0.113.9", "1.2.3.4", "", "203.0.113.9"],
    ["is the peer where it says nothing", "10.0.0.1", "", "", "10.0.0.1"],
    ["is what the proxy says", "10.0.0.1", "1.2.3.4", "", "1.2.3.4"],
    ["is the rightmost one that is not trusted", "10.0.0.1", "6.6.6.6, 1.2.3.4", "", "1.2.3.4"],
    ["is found behind a second proxy", "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.9.9.9", "", "1.2.3.4"],
    ["is the leftmost where all are trusted", "10.0.0.1", "10.0.0.3,10.0.0.2", "", "10.0.0.3"],
    ["is the last hop known before garbage", "10.0.0.1", "1.2.3.4, unknown, 10.0.0.2", "", "10.0.0.2"],
    ["is the peer before garbage alone", "10.0.0.1", 'x" 200', "", "10.0.0.1"],
    ["loses its port", "10.0.0.1", "1.2.3.4:5678", "", "1.2.3.4"],
    ["may have IPv6", "fd12::1", "2001:db8::1", "", "2001:db8::1"],
    ["may have IPv6 in brackets", "::1", "[2001:db8::1]:443", "", "2001:db8::1"],
    ["is found through a mapped peer", "::ffff:10.0.0.1", "1.2.3.4", "", "1.2.3.4"],
    ["is read from Forwarded", "10.0.0.1", "", "for=1.2.3.4;proto=https", "1.2.3.4"],
    ["is read from quotes", "10.0.0.1", "", 'proto=http; For="[2001:db8::1]:4711"', "2001:db8::1"],
    [
      "is the rightmost in Forwarded too",
      "10.0.0.1",
      "",
      "for=6.6.6.6, for=1.2.3.4, for=10.0.0.2",
      "1.2.3.4",
    ],
    ["is no obfuscated name", "10.0.0.1", "", "for=_hidden", "10.0.0.1"],
    ["is X-Forwarded-For's where both are there", "10.0.0.1", "1.2.3.4", "for=6.6.6.6", "1.2.3.4"],
    ["is the peer where Forwarded names none", "10.0.0.1", "", "proto=https", "10.0.0.1"],
  ];
  for (const [title, peer, list, forwarded, expected] of table)
    test(title, () => assert.equal(client(peer, list, forwarded), expected));

  test("is the peer where nobody is trusted", () => {
    assert.equal(clientAddress("10.0.0.1", "1.2.3.4", "", []), "10.0.0.1");
  });

  test("costs no more than its list is long", () => {
    assert.equal(client("10.0.0.1", "10.0.0.2,".repeat(100_000)), "10.0.0.1");
  });
});

test("addresses are those that Node takes for addresses", () => {
  const texts = [
    ..."1.2.3.4 255.255.255.255 0.0.0.0 256.1.1.1 1.2.3 1.2.3.4.5 01.2.3.4 1.2.3.a 1..2.3 -1.2.3.4 +1.2.3.4".split(
      " ",
    ),
    ..."::1 :: 1:: 1::8 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7 1:2:3:4:5:6:7:8:9 1::2::3 ::ffff:1.2.3.4 ::1.2.3.4".split(
      " ",
    ),
    ..."1:2:3:4:5:6:1.2.3.4 1:2:3:4:5:6:7:1.2.3.4 fe80::g 12345:: ::FFFF ABCD::ef01 1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8".split(
      " ",
    ),
    ..."1:2:3:4::5:6:7:8 : ::: 1: :1 :1:2:3:4:5:6:7 1:2:3:4:5:6:7: 1.2.3.4:: ::1.2.3 ::1.2.3.4:5".split(" "),
    "",
    " 1.2.3.4",
    "1.2.3.4\n",
    "localhost",
  ];
  for (const text of texts)
    assert.equal(parseAddress(text).length === 16, isIP(text) !== 0, JSON.stringify(text));
});

test("networks hold what Node's block list holds", () => {
  const networks = [
    "10.0.0.0/8",
    "192.0.2.128/25",
    "203.0.113.7/32",
    "0.0.0.0/0",
    "fd00::/8",
    "2001:db8::/33",
    "::1/128",
  ];
  const addresses = ["10.255.0.1", "11.0.0.0", "192.0.2.127", "192.0.2.128", "203.0.113.7", "203.0.113.6"];
  addresses.push("fd12::1", "fe00::", "2001:db8:7fff::1", "2001:db8:8000::1", "::1", "::2");
  for (const text of networks) {
    const [network = "", prefix = ""] = text.split("/");
    const type = isIP(network) === 4 ? "ipv4" : "ipv6";
    const list = new BlockList();
    list.addSubnet(network, Number(prefix), type);
    const [parsed] = parseNetworks(text).networks;
    for (const address of addresses) {
      if (isIP(address) !== isIP(network)) continue;
      assert.equal(
        parsed?.includes(parseAddress(address)),
        list.check(address, type),
        `${address} in ${text}`,
      );
    }
  }
});

test("a list that is wrong says which part, and how to write it", () => {
  for (const item of [
    "10.0.0.0/33",
    "10.0.0/8",
    "fd00::/129",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "proxy",
    "10.0.0.0/8/8",
  ]) {
    const { problem } = parseNetworks(`192.0.2.1, ${item}`);
    assert.equal(problem, `"${item}" is no network: write 10.0.0.0/8, 192.0.2.1 or fd00::/8`);
  }
  for (const text of ["", "none", " 10.0.0.0/8 ,, "]) assert.equal(parseNetworks(text).problem, "");
});
