import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { type Config, loadConfig, parseConfig } from "../../../hook/config/load.ts";
import { isOneOf } from "../../../hook/secret/secret-hash.ts";

const folder = mkdtempSync(join(tmpdir(), "statigo-config-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "hook.yaml");

function problemsOf(text: string, environment = {}): string[] {
  const result = parseConfig(text, "hook.yaml", environment);
  return "problems" in result ? result.problems : [];
}

function configOf(text: string, environment = {}): Config {
  const result = parseConfig(text, file, environment);
  assert.ok("config" in result, "problems" in result ? result.problems.join("\n") : "");
  return result.config;
}

const target = "target: { command: { run: [./deploy.sh] } }";

function oneService(more: string): string {
  return `store: ./hook.db\nservices:\n  blog:\n    image: stut/blog\n    ${target}\n    ${more}\n`;
}

const complete = `
listen: 127.0.0.1:4500
store: ./hook.db
api:
  tokens:
    - { name: ops, token: "\${HOOK_API_TOKEN}", scopes: [read, deploy, admin] }
services:
  blog:
    image: stut/blog                 # the only repository accepted
    secret: "\${BLOG_SECRET}"
    tags: '^release-\\d{14}$'
    target:
      consul: { address: "http://127.0.0.1:8500", key: configs/stut/blog/IMAGE_TAG }
  events:
    image: registry.gitlab.com/lucj/sophia.events
    secret: { file: ${folder}/events }
    target:
      portainer: { serviceWebhook: "http://127.0.0.1:9000/api/webhooks/4c6d…" }
  example:
    image: example/site
    secret: { env: EXAMPLE_SECRET }
    target:
      command: { run: ["./render.sh"], timeout: 60s }
`;
const completeEnvironment = {
  HOOK_API_TOKEN: "api-token-0123456789",
  BLOG_SECRET: "blog-secret-0123456789",
  EXAMPLE_SECRET: "example-secret-0123456789",
};

describe("the config", () => {
  test("has the documented form", () => {
    writeFileSync(join(folder, "events"), "events-secret-0123456789\n");
    const config = configOf(complete, completeEnvironment);
    assert.deepEqual(config.listen, { host: "127.0.0.1", port: 4500 });
    assert.equal(config.storePath, join(folder, "hook.db"));
    assert.deepEqual(config.tokens[0]?.scopes, ["read", "deploy", "admin"]);
    const targets = [...config.services.values()].map(({ name, target }) => [
      name,
      target.name,
      target.timeoutMs,
    ]);
    assert.deepEqual(targets, [
      ["blog", "consul", 10_000],
      ["events", "portainer", 60_000],
      ["example", "command", 60_000],
    ]);
  });

  const addresses: [text: string, host: string, port: number][] = [
    ["127.0.0.1:4500", "127.0.0.1", 4500],
    [":4500", "::", 4500],
    ["[::1]:0", "::1", 0],
    ["localhost:65535", "localhost", 65535],
  ];
  for (const [text, host, port] of addresses) {
    test(`takes ${text} as an address to listen on`, () => {
      const config = configOf(`listen: "${text}"\n${oneService("secret: aaaaaaaaaaaaaaaaaaaa")}`);
      assert.deepEqual(config.listen, { host, port });
    });
  }

  test("listens on 127.0.0.1:4500, deploys 4 services at once and stops within 8 s when it does not say", () => {
    const { listen, parallel, graceMs, tokens } = configOf(oneService("secret: aaaaaaaaaaaaaaaaaaaa"));
    assert.deepEqual(
      { listen, parallel, graceMs, tokens },
      {
        listen: { host: "127.0.0.1", port: 4500 },
        parallel: 4,
        graceMs: 8000,
        tokens: [],
      },
    );
  });

  test("keeps hashes of secrets, not secrets", () => {
    const config = configOf(complete, completeEnvironment);
    for (const name of ["blog", "events", "example"]) {
      const service = config.services.get(name);
      assert.ok(service !== undefined && isOneOf(`${name}-secret-0123456789`, service.secrets));
    }
    const dump = JSON.stringify(config, (_key, value) => (value instanceof Map ? [...value] : value));
    assert.doesNotMatch(dump, /-secret-0123456789|api-token-0123456789/);
  });

  test("reports everything that is wrong at once, each with line, column and path", () => {
    const text = `listen: 4500
store: ./hook.db
services:
  blog:
    image: stut/blog:latest
    secret: short
    tag: '^release'
    tags: '('
    target:
      consol: {}
  site:
    image: stut/site
    secret: "\${SITE_SECRET}"
    target:
      command: { run: [], timeout: 60 }
`;
    assert.deepEqual(problemsOf(text), [
      "hook.yaml:1:1 listen: expected string, received number (the address to listen on, such as 127.0.0.1:4500)",
      "hook.yaml:5:5 services.blog.image: has a tag; leave it out",
      "hook.yaml:6:5 services.blog.secret: has 5 characters; a secret needs at least 16 (try: openssl rand -hex 24)",
      "hook.yaml:7:5 services.blog.tag: unknown key; did you mean `tags`?",
      "hook.yaml:8:5 services.blog.tags: not a regular expression (unterminated group)",
      "hook.yaml:10:7 services.blog.target.consol: unknown key; did you mean `consul`?",
      "hook.yaml:13:5 services.site.secret: the environment variable SITE_SECRET is not set; set it before starting the hook, or write $${SITE_SECRET} for the text itself",
      "hook.yaml:15:18 services.site.target.command.run: must name a program",
      "hook.yaml:15:27 services.site.target.command.timeout: must be a duration with its unit, such as 30s or 5m",
    ]);
  });

  const single: [what: string, text: string, expected: RegExp][] = [
    ["an empty file", "", /:1:1 store: missing: the SQLite file/],
    ["no services", "store: x\nservices: {}\n", /:2:1 services: must name at least one service/],
    ["services as a list", "store: x\nservices: [blog]\n", /:2:1 services: expected record/],
    [
      "a service without a secret",
      oneService("tags: v"),
      /:3:3 services\.blog\.secret: missing: write it as a text/,
    ],
    ["an empty secret", oneService('secret: ""'), /services\.blog\.secret: is empty/],
    ["a blank secret", oneService('secret: "                    "'), /services\.blog\.secret: is empty/],
    ["a secret that is a number", oneService("secret: 12345678901234567"), /secret: must be a text/],
    ["a secret with a slash", oneService("secret: abcdefgh/abcdefghijk"), /do not fit into a URL/],
    ["a secret of two sources", oneService("secret: { env: A, file: b }"), /secret: must be a text/],
    ["a secret whose variable is missing", oneService("secret: { env: NOPE }"), /variable NOPE is not set/],
    ["a secret whose file is missing", oneService("secret: { file: ./nope }"), /nope does not exist/],
    ["a secret whose file is a directory", oneService("secret: { file: / }"), /cannot be read \(EISDIR\)/],
    [
      "an odd service name",
      "store: x\nservices:\n  Blog!: {}\n",
      /:3:3 services\.Blog!: a service's name has/,
    ],
    ["a key twice", "store: x\nstore: y\n", /:2:1: map keys must be unique/],
    ["broken YAML", "store: [\n", /:2:1: flow sequence/i],
    ["a far-off key", "store: x\nfrobnicate: 1\nservices: {}\n", /known here: listen, store, api/],
    ["a port that is none", "listen: localhost:99999\nstore: x\n", /listen: must be host:port/],
    [
      "an unknown scope",
      "store: x\napi: { tokens: [{ name: a, token: aaaaaaaaaaaaaaaaaaaa, scopes: [write] }] }\n",
      /scopes\.0: expected one of/,
    ],
    ["a default in a variable", oneService('secret: "${' + 'A:-b}"'), /\$\{A:-b\} is not \$\{NAME\}/],
  ];
  for (const [what, text, expected] of single) {
    test(`with ${what} is refused with what to do`, () => {
      assert.match(problemsOf(text, {}).join("\n"), expected);
    });
  }

  const targets: [what: string, text: string, expected: RegExp][] = [
    ["no target", "{}", /target: must have exactly one of consul, portainer, /],
    ["two targets", "{ consul: {}, command: { run: [a] } }", /target: must have exactly one of/],
    [
      "a Consul address with a path",
      "{ consul: { address: http://c:8500/v1 } }",
      /consul\.address: must be http/,
    ],
    ["a Consul key with a slash in front", "{ consul: { key: /a/b } }", /key: a key neither starts nor ends/],
    ["no Portainer webhook", "{ portainer: {} }", /portainer: must have exactly one of serviceWebhook/],
    [
      "a Portainer URL of something else",
      "{ portainer: { serviceWebhook: http://p/x } }",
      /\/api\/webhooks\//,
    ],
    ["a client certificate without its key", "{ consul: { tls: { cert: hook.yaml } } }", /tls/],
    [
      "a misspelt TLS option",
      "{ consul: { tls: { caa: x } } }",
      /tls\.caa: unknown key; did you mean `ca`\?/,
    ],
    ["a misspelt Portainer option", "{ portainer: { servicWebhook: x } }", /did you mean `serviceWebhook`\?/],
    ["a command as text", "{ command: { run: ./deploy.sh } }", /command\.run: expected array/],
    ["too long a timeout", "{ command: { run: [a], timeout: 25h } }", /timeout: must be between 1s and 24h/],
    [
      "no unit",
      '{ command: { run: [a], timeout: "60" } }',
      /timeout: not a duration; write it with its unit/,
    ],
  ];
  for (const [what, target, expected] of targets) {
    test(`with ${what} is refused`, () => {
      const text = `store: x\nservices:\n  blog:\n    image: stut/blog\n    secret: aaaaaaaaaaaaaaaaaaaa\n    target: ${target}\n`;
      assert.match(problemsOf(text).join("\n"), expected);
    });
  }

  test("never quotes a secret in a problem", () => {
    const text = `${oneService("secret: tiny-secret/1")}more: 1\n`;
    assert.doesNotMatch(problemsOf(text).join("\n"), /tiny-secret/);
  });

  test("does not take one secret for two services", () => {
    const service = (name: string) =>
      `  ${name}:\n    image: a/b\n    secret: aaaaaaaaaaaaaaaaaaaa\n    ${target}\n`;
    const problems = problemsOf(`store: x\nservices:\n${service("one")}${service("two")}`);
    assert.deepEqual(problems, [
      "hook.yaml:9:5 services.two.secret: the same secret as services.one.secret; give each service its own",
    ]);
  });

  const folders: [what: string, one: string, two: string, place: string][] = [
    ["written alike", "{ directory: { folder: ./sites/a } }", "{ directory: { folder: sites/a/ } }", "10:28"],
    [
      "named where the other one names none",
      "{ directory: {} }",
      "{ directory: { folder: sites/one } }",
      "10:28",
    ],
    [
      "not named where the other one names it",
      "{ directory: { folder: sites/two } }",
      "{ directory: {} }",
      "10:15",
    ],
    [
      "of one of several targets",
      "{ all: [{ command: { run: [a] } }, { directory: { folder: x } }] }",
      "[{ directory: { folder: x } }, { command: { run: [a] } }]",
      "10:29",
    ],
  ];
  for (const [what, one, two, at] of folders) {
    test(`does not take one folder for two services: ${what}`, () => {
      const service = (name: string, given: string) =>
        `  ${name}:\n    image: a/b\n    secret: ${name.repeat(6)}\n    target: ${given}\n`;
      const [problem = "", ...more] = problemsOf(
        `store: x\nservices:\n${service("one", one)}${service("two", two)}`,
      );
      assert.deepEqual(more, []);
      assert.ok(problem.startsWith(`hook.yaml:${at} services.two.target.`), problem);
      const words = /directory\.folder: \/.* is where services\.one is deployed to; give two its own folder$/;
      assert.match(problem, words);
    });
  }

  test("puts variables into the middle of a value, and leaves doubled dollars alone", () => {
    const text = `listen: "\${HOST}:\${PORT}"\n${oneService("secret: aaaaaaaaaaaaaaaaaaaa")}`;
    assert.deepEqual(configOf(text, { HOST: "127.0.0.1", PORT: "4501" }).listen, {
      host: "127.0.0.1",
      port: 4501,
    });
    const escaped = text.replaceAll("$", () => "$$");
    assert.match(problemsOf(escaped).join(), /listen: must be host:port/);
  });

  test("cannot be changed in its structure by a variable's content", () => {
    const text = oneService(`secret: "\${S}"`);
    const config = configOf(text, { S: "abcdefghijklmnop', x: 'y".replaceAll("'", "").replaceAll(" ", "") });
    assert.equal(config.services.size, 1);
    assert.match(
      problemsOf(text, { S: "{ env: HOME }  # not read as YAML" }).join(),
      /do not fit into a URL/,
    );
  });

  test("that is not there is said to be not there", () => {
    const result = loadConfig(join(folder, "none.yaml"), {});
    assert.ok("problems" in result);
    assert.match(result.problems.join(), /none\.yaml: there is no such file; name the config with --config/);
  });
});
