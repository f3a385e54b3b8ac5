import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseOptions } from "../../../server/options/command-line.ts";
import { flags } from "../../../server/options/flags.ts";
import { parseListenAddress } from "../../../server/options/listen-address.ts";
import { Options } from "../../../server/options/options.ts";

const noEnvironment = () => "";

function environmentOf(nomadPort: string, site: string): (name: string) => string {
  const variables: Record<string, string> = { NOMAD_PORT_http: nomadPort, STATIGO_SITE: site };
  return (name) => variables[name] ?? "";
}

/** What the flags change of the defaults. */
function changes(args: readonly string[], nomadPort = "", site = ""): Partial<Options> {
  const defaults = new Options();
  const parsed = parseOptions(args, environmentOf(nomadPort, site));
  const changed = Object.entries(parsed).filter(
    ([name, value]) => name !== "sources" && defaults[name as keyof Options] !== value,
  );
  return Object.fromEntries(changed);
}

test("without flags and environment statigo's defaults hold", () => {
  assert.deepEqual({ ...parseOptions([], noEnvironment) }, { ...new Options() });
});

describe("the flags of statigo v8", () => {
  const texts: readonly (readonly [string, string, keyof Options])[] = [
    ["listen-addr", "127.0.0.1:80", "listenAddress"],
    ["root-dir", "/www", "rootDirectory"],
    ["index-filename", "home.html", "indexFilename"],
    ["health-url", "/up", "healthUrl"],
    ["metrics-url", "/numbers", "metricsUrl"],
    ["not-found-filename", "index.html", "notFoundFilename"],
  ];
  for (const [flag, value, option] of texts) {
    test(`-${flag} takes its value with a space or =, with one dash or two`, () => {
      for (const args of [
        [`-${flag}`, value],
        [`--${flag}`, value],
        [`-${flag}=${value}`],
        [`--${flag}=${value}`],
        [`-${flag}=/former`, `-${flag}`, value],
      ])
        assert.deepEqual(changes(args), { [option]: value }, args.join(" "));
    });
  }

  const booleans: readonly (readonly [string, keyof Options, boolean])[] = [
    ["no-metrics", "hasMetrics", false],
    ["no-request-logging", "hasAccessLog", false],
    ["serve-hidden", "serveHidden", true],
  ];
  for (const [flag, option, value] of booleans) {
    test(`-${flag} stands alone or takes a boolean as Go reads one`, () => {
      assert.deepEqual(changes([`-${flag}`]), { [option]: value });
      for (const text of ["1", "t", "T", "true", "True", "TRUE"])
        assert.deepEqual(changes([`--${flag}=${text}`]), { [option]: value }, text);
      for (const text of ["0", "f", "F", "false", "False", "FALSE"])
        assert.deepEqual(changes([`-${flag}`, `-${flag}=${text}`]), {}, text);
      for (const text of ["", "yes", "on", "tRUE", "2", " true"])
        assert.match(parseOptions([`-${flag}=${text}`], noEnvironment).error, /is true or false, not/, text);
    });

    test(`-${flag} does not take the next word for its value`, () => {
      assert.match(parseOptions([`-${flag}`, "false"], noEnvironment).error, /^"false" is not a flag/);
    });
  }

  test("work together", () => {
    const args = [
      "-root-dir",
      "/www",
      "-no-metrics",
      "--serve-hidden=true",
      "-not-found-filename=index.html",
    ];
    assert.deepEqual(changes(args), {
      rootDirectory: "/www",
      hasMetrics: false,
      serveHidden: true,
      notFoundFilename: "index.html",
    });
  });

  test("take a value that starts with a dash or holds =", () => {
    assert.deepEqual(changes(["-root-dir", "-www"]), { rootDirectory: "-www" });
    assert.deepEqual(changes(["-root-dir=a=b"]), { rootDirectory: "a=b" });
    assert.deepEqual(changes(["-not-found-filename="]), { notFoundFilename: "" });
  });
});

test("the flags that answer and end are commands", () => {
  for (const [argument, command] of [
    ["-help", "help"],
    ["--help", "help"],
    ["-h", "help"],
    ["--version", "version"],
    ["-healthcheck", "healthcheck"],
  ] as const)
    assert.deepEqual(changes([argument]), { command }, argument);
  assert.deepEqual(changes(["--version=false"]), {});
});

test("a double dash at the end is nothing, as for Go", () => {
  assert.deepEqual(changes(["-no-metrics", "--"]), { hasMetrics: false });
});

describe("the environment", () => {
  test("gives the port, which the flag overrides", () => {
    assert.deepEqual(changes([], "8080"), { listenAddress: ":8080" });
    assert.deepEqual(changes(["-listen-addr", ":1"], "8080"), { listenAddress: ":1" });
  });
  test("gives the site", () => assert.deepEqual(changes([], "", "blog"), { site: "blog" }));
  test("with a port that is none is an error", () => {
    assert.equal(parseOptions([], environmentOf("http", "")).error, 'NOMAD_PORT_http is a port, not "http"');
  });
  const wrong: readonly (readonly [string, string, string])[] = [
    ["STATIGO_LISTEN_ADDR", "80", 'STATIGO_LISTEN_ADDR "80" is no address: write :3000'],
    ["STATIGO_GRACE", "soon", 'STATIGO_GRACE is a time such as 500ms, 15s or 2m, not "soon"'],
    ["STATIGO_MAX_CONNECTIONS", "many", 'STATIGO_MAX_CONNECTIONS is a number, not "many"'],
    ["STATIGO_LOG_FORMAT", "xml", 'STATIGO_LOG_FORMAT is combined or json, not "xml"'],
    ["STATIGO_TRUSTED_PROXIES", "all", "STATIGO_TRUSTED_PROXIES: "],
    ["STATIGO_SPA", "perhaps", 'STATIGO_SPA is true or false, not "perhaps"'],
  ];
  for (const [variable, value, message] of wrong) {
    test(`is named where ${variable} is wrong`, () => {
      const environment = (name: string) => (name === variable ? value : "");
      assert.ok(parseOptions([], environment).error.startsWith(message));
    });
  }
  test("is not blamed for what a flag gives", () => {
    const environment = (name: string) => (name === "STATIGO_LOG_FORMAT" ? "json" : "");
    assert.match(parseOptions(["--log-format=xml"], environment).error, /^--log-format is/);
  });
});

describe("an error is one line that says what to do:", () => {
  const errors: readonly (readonly [readonly string[], string])[] = [
    [["--nope"], "unknown flag --nope: see --help"],
    [["-nope=1"], "unknown flag --nope: see --help"],
    [["--root-dirs", "x"], "unknown flag --root-dirs: see --help"],
    [["---root-dir", "x"], "unknown flag ---root-dir: see --help"],
    [["-=x"], "unknown flag --: see --help"],
    [["-root-dir"], "--root-dir needs a value: --root-dir <folder>"],
    [["site"], '"site" is not a flag: the site\'s folder is given as --root-dir site'],
    [["-"], '"-" is not a flag: the site\'s folder is given as --root-dir -'],
    [["-serve-hidden=x"], '--serve-hidden is true or false, not "x"'],
    [["-listen-addr", "80"], '--listen-addr "80" is no address: write :3000, 127.0.0.1:3000 or [::1]:3000'],
    [["-health-url", "up"], '--health-url "up" must start with a slash'],
    [["-health-url="], '--health-url "" must start with a slash'],
    [["-metrics-url", "m"], '--metrics-url "m" must start with a slash'],
    [["-index-filename", "a/b"], '--index-filename "a/b" must be a file\'s name without a folder'],
    [["-metrics-url=/health"], '--metrics-url and --health-url are both "/health"'],
    [["-not-found-filename=../x.html"], '--not-found-filename "../x.html" leads out of the site\'s folder'],
    [["-index-filename="], '--index-filename "" must be a file\'s name without a folder'],
  ];
  for (const [args, message] of errors) {
    test(args.join(" "), () => assert.equal(parseOptions(args, noEnvironment).error, message));
  }

  test("the first one ends the reading", () => {
    assert.equal(parseOptions(["--one", "--two"], noEnvironment).error, "unknown flag --one: see --help");
  });

  test("every flag with a value needs one", () => {
    for (const flag of flags.filter(({ argument }) => argument !== "")) {
      assert.match(parseOptions([`--${flag.name}`], noEnvironment).error, /needs a value/, flag.name);
    }
  });
});

describe("an address", () => {
  const table: Readonly<Record<string, readonly [string, number] | null>> = {
    ":3000": ["", 3000],
    ":0": ["", 0],
    ":65535": ["", 65535],
    ":00080": ["", 80],
    "127.0.0.1:80": ["127.0.0.1", 80],
    "localhost:80": ["localhost", 80],
    "[::1]:80": ["::1", 80],
    "[::]:80": ["::", 80],
    "": null,
    ":": null,
    "3000": null,
    "a:": null,
    "::1:80": null,
    "[::1:80": null,
    "[::1]": null,
    ":65536": null,
    ":99999": null,
    ":000080": null,
    ":-1": null,
    ":+1": null,
    ":8o": null,
    ": 80": null,
  };
  for (const [text, expected] of Object.entries(table)) {
    test(`"${text}" is ${expected === null ? "none" : `port ${expected[1]} of "${expected[0]}"`}`, () => {
      const { host, port } = parseListenAddress(text);
      assert.deepEqual([host, port], expected ?? ["", -1]);
    });
  }
});
