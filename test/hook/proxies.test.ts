import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { clientAddress, networkOf, proxiesField } from "../../hook/http/proxies.ts";
import { configOf, script, startHook, type TestHook } from "../support/hook.ts";

describe("a trusted proxy", () => {
  const cases: [networks: string[], address: string, isTrusted: boolean][] = [
    [[], "127.0.0.1", false],
    [["127.0.0.1"], "127.0.0.1", true],
    [["127.0.0.1"], "127.0.0.2", false],
    [["10.0.0.0/8"], "10.255.0.1", true],
    [["10.0.0.0/8"], "11.0.0.1", false],
    [["10.0.0.0/8"], "::ffff:10.1.2.3", true],
    [["fd00::/8"], "fd12::1", true],
    [["fd00::/8"], "fe80::1", false],
    [["::1", "10.0.0.1"], "::1", true],
    [["0.0.0.0/0"], "203.0.113.9", true],
    [["0.0.0.0/0"], "unknown", false],
    [["0.0.0.0/0"], "", false],
  ];
  for (const [networks, address, isTrusted] of cases) {
    test(`of [${networks}] ${isTrusted ? "is" : "is not"} "${address}"`, () => {
      assert.equal(proxiesField.parse(networks)(address), isTrusted);
    });
  }

  for (const network of [
    "10.0.0.0/33",
    "fd00::/129",
    "10.0.0/8",
    "proxy.example",
    "",
    "10.0.0.0/",
    "/8",
    "loopback",
  ]) {
    test(`cannot be "${network}"`, () => {
      const result = proxiesField.safeParse([network]);
      assert.match(result.error?.issues[0]?.message ?? "", /not an address or a network/);
    });
  }
});

describe("a client's address", () => {
  const socket = { remoteAddress: "192.0.2.1" };
  const cases: [ip: string, address: string][] = [
    ["203.0.113.9", "203.0.113.9"],
    ["203.0.113.9:4711", "203.0.113.9"],
    ["[2001:db8::1]:4711", "2001:db8::1"],
    ["2001:db8::1", "2001:db8::1"],
    ["unknown", "192.0.2.1"],
    ["<script>", "192.0.2.1"],
    ["", "192.0.2.1"],
    ["1.2.3.4.5", "192.0.2.1"],
  ];
  for (const [ip, address] of cases) {
    test(`is ${address} when a proxy says "${ip}"`, () => {
      assert.equal(clientAddress({ ip, socket }), address);
    });
  }

  const networks: [address: string, network: string][] = [
    ["203.0.113.9", "203.0.113.9"],
    ["::ffff:203.0.113.9", "203.0.113.9"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8:1:2::6", "2001:db8:1:2"],
    ["2001:0db8:0001:0002::", "2001:db8:1:2"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["::", "0:0:0:0"],
    ["1::", "1:0:0:0"],
  ];
  for (const [address, network] of networks) {
    test(`${address} counts as ${network}`, () => assert.equal(networkOf(address), network));
  }
});

describe("behind proxies", () => {
  let hook: TestHook;
  before(async () => {
    hook = await startHook(configOf({ blog: script("exit 0") }, "trustedProxies: [127.0.0.1, 10.0.0.0/8]"));
  });
  after(() => hook.stop());

  async function loggedAddress(headers: Record<string, string>): Promise<string> {
    const lines = hook.log().length;
    await fetch(`${hook.origin}/nothing`, { headers });
    return /"remoteAddress":"([^"]*)"/.exec(hook.log().slice(lines))?.[1] ?? "";
  }

  test("the log has the last address that no trusted proxy has", async () => {
    assert.equal(await loggedAddress({ "x-forwarded-for": "203.0.113.9" }), "203.0.113.9");
    assert.equal(await loggedAddress({ "x-forwarded-for": "6.6.6.6, 203.0.113.9, 10.2.3.4" }), "203.0.113.9");
    assert.equal(await loggedAddress({ "x-forwarded-for": "6.6.6.6, junk" }), "127.0.0.1");
    assert.equal(await loggedAddress({}), "127.0.0.1");
  });

  test("is not where a hook is that trusts none: what a client says of itself is not believed", async () => {
    const own = await startHook(configOf({ blog: script("exit 0") }));
    await fetch(`${own.origin}/nothing`, { headers: { "x-forwarded-for": "203.0.113.9" } });
    assert.match(own.log(), /"remoteAddress":"127\.0\.0\.1"/);
    assert.doesNotMatch(own.log(), /203\.0\.113\.9/);
    await own.stop();
  });
});
