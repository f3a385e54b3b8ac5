import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { takeHandedOn } from "../../../cli/handed-on.ts";
import { lanAddresses } from "../../../cli/serve/address.ts";
import { allowLiveScript } from "../../../cli/serve/content-policy.ts";
import { readServeOptions } from "../../../cli/serve/options.ts";
import { formatSize } from "../../../cli/size.ts";

describe("flags that are handed on to the server", () => {
  const flags = [
    { name: "spa", hasValue: false, summary: "" },
    { name: "site", hasValue: true, summary: "" },
  ];
  for (const [typed, own, handedOn] of [
    ["folder --open -spa", "folder --open", "-spa"],
    ["--site blog folder", "folder", "--site blog"],
    ["-site=blog --spa=false -p 1", "-p 1", "-site=blog --spa=false"],
    ["--site", "", "--site"],
    ["-- --spa", "-- --spa", ""],
  ] as const) {
    test(`'${typed}' hands on '${handedOn}'`, () => {
      const words = (text: string) => text.split(" ").filter((word) => word !== "");
      assert.deepEqual(takeHandedOn(words(typed), flags), { own: words(own), handedOn: words(handedOn) });
    });
  }
});

describe("what serve is asked for", () => {
  const read = (
    options: Record<string, string | boolean>,
    handedOn: string[] = [],
    positionals: string[] = [],
  ) => readServeOptions({ options, handedOn, positionals }, () => "");

  test("without options it is port 3000 of this machine alone, or the next", () => {
    assert.deepEqual(read({}).wanted, { host: "127.0.0.1", port: 3000, isAnyPortFine: true });
  });

  test("--qr is for other devices, so it listens on all addresses", () => {
    assert.deepEqual(read({ qr: true }).wanted, { host: "", port: 3000, isAnyPortFine: true });
  });

  test("a port or an address that was asked for is that one or none", () => {
    assert.deepEqual(read({ port: "8080" }).wanted, { host: "127.0.0.1", port: 8080, isAnyPortFine: false });
    assert.deepEqual(read({}, ["-listen-addr", "[::1]:81"]).wanted, {
      host: "::1",
      port: 81,
      isAnyPortFine: false,
    });
  });

  test("the log is the server's own where its format is named", () => {
    assert.equal(read({}).log, "own");
    assert.equal(read({}, ["--log-format=combined"]).log, "server");
    assert.equal(read({}, ["--no-request-logging"]).log, "none");
  });

  for (const [options, handedOn, positionals, problem] of [
    [{ port: "70000" }, [], [], /--port 70000: a port is a number from 1 to 65535/],
    [{ lan: true }, ["--listen-addr", ":1"], [], /--listen-addr \(:1\) goes with neither --port nor --lan/],
    [{}, [], ["a", "b"], /one folder is served, not 2: a b/],
    [{}, ["-root-dir=b"], ["a"], /the folder is given twice: a, and with --root-dir/],
    [{}, ["--spa=x"], [], /--spa is true or false, not "x"/],
    [{}, ["--check"], [], /--check is the server's own: statigo server --check/],
  ] as const) {
    test(`it refuses: ${problem.source}`, () => {
      assert.throws(() => read(options, [...handedOn], [...positionals]), problem);
    });
  }
});

describe("a content security policy lets the live script in", () => {
  for (const [policy, expected] of [
    ["img-src 'self'", "img-src 'self'"],
    ["default-src 'none'", "default-src 'none'; script-src 'self'; connect-src 'self'"],
    ["default-src 'self'", "default-src 'self'; script-src 'self'; connect-src 'self'"],
    [
      "script-src 'unsafe-inline'; connect-src a.example",
      "script-src 'unsafe-inline' 'self'; connect-src a.example 'self'",
    ],
    ["script-src 'strict-dynamic' 'nonce-a'", "script-src 'strict-dynamic' 'nonce-a' 'nonce-N'"],
    ["script-src-elem 'none'; script-src a.example", "script-src-elem 'self'; script-src a.example"],
    [
      "script-src 'self', default-src b.example",
      "script-src 'self',default-src b.example; script-src b.example 'self'; connect-src b.example 'self'",
    ],
  ] as const) {
    test(policy, () => assert.equal(allowLiveScript(policy, "N"), expected));
  }
});

test("the addresses in the network leave out this machine's own bridges to the last", () => {
  const address = (text: string, internal = false) => ({
    address: text,
    netmask: "",
    mac: "",
    cidr: null,
    family: "IPv4" as const,
    internal,
  });
  const interfaces = {
    lo: [address("127.0.0.1", true)],
    docker0: [address("172.17.0.1")],
    eth0: [address("192.0.2.7")],
    wlan0: [address("169.254.1.1")],
  };
  assert.deepEqual(lanAddresses(interfaces), ["192.0.2.7", "172.17.0.1"]);
  assert.deepEqual(lanAddresses({}), []);
});

test("sizes have three figures at most", () => {
  const sizes = [0, 999, 1000, 9949, 9950, 999_499, 999_500, 35_000_000];
  assert.deepEqual(sizes.map(formatSize), [
    "0 B",
    "999 B",
    "1.0 kB",
    "9.9 kB",
    "10 kB",
    "999 kB",
    "1.0 MB",
    "35 MB",
  ]);
});
