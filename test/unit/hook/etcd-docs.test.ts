import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { parse, stringify } from "yaml";
import { agentOptions, parseAgentArguments } from "../../../hook/agent/arguments.ts";
import { parseAgentSetting } from "../../../hook/agent/load.ts";
import { parseConfig } from "../../../hook/config/load.ts";
import { secretOf } from "../../support/hook.ts";

function pageOf(target: string): string {
  return readFileSync(new URL(`../../../docs/targets/${target}.md`, import.meta.url), "utf8");
}

function blocksOf(page: string): string[] {
  return [...page.matchAll(/^```yaml.*?\n(.*?)^```$/gms)].map(([, block = ""]) => block);
}

for (const target of ["etcd", "consul"]) {
  test(`the config of docs/targets/${target}.md is valid`, () => {
    const [block = ""] = blocksOf(pageOf(target));
    const config = parse(block) as { services: { blog: object } };
    const services = { blog: { ...config.services.blog, secret: secretOf("blog") } };
    const result = parseConfig(stringify({ store: "./hook.db", services }), "hook.yaml", {
      CONSUL_TOKEN: "x",
    });
    assert.ok("config" in result, "problems" in result ? result.problems.join("\n") : "");
    assert.equal(result.config.services.get("blog")?.target.name, target);
  });
}

describe("docs/targets/etcd.md", () => {
  const page = pageOf("etcd");

  test("has an agent's configuration that is valid", () => {
    const result = parseAgentSetting(blocksOf(page)[1] ?? "", "agent.yaml", new Map(), {});
    assert.ok("setting" in result, "problems" in result ? result.problems.join("\n") : "");
    assert.equal(result.setting.machine, "web-1");
    assert.equal(result.setting.killTimeoutMs, 30_000);
  });

  test("has every option of the agent with its flag and its default, and no other", () => {
    const [table = ""] = /^\| in the file .*\n(?:\|.*\n)*/m.exec(page) ?? [];
    const rows = table
      .trim()
      .split("\n")
      .slice(2)
      .map((row) =>
        row
          .split("|")
          .slice(1, 4)
          .map((cell) => cell.trim().replaceAll("`", "")),
      );
    const expected = agentOptions.map((one) => [
      one.key,
      one.flag === undefined ? "" : `--${one.flag}`,
      one.default,
    ]);
    assert.deepEqual(rows.toSorted(), expected.toSorted());
  });

  test("has every flag of dienet/deployer", () => {
    const flags =
      "docker dockercfg etcd_dial_timeout etcd_nodes etcd_prefix etcd_retry_delay kill_timeout listen max_threads registry repull_period slack_username slack_webhook_url webhook_path";
    for (const flag of flags.split(" ")) assert.ok(page.includes(`\`-${flag}\``), flag);
  });
});

describe("the agent's configuration", () => {
  const load = (args: readonly string[], environment: Record<string, string> = {}, text = "") => {
    const parsed = parseAgentArguments(args, environment);
    if (parsed.kind !== "run" && parsed.kind !== "check") throw new Error(JSON.stringify(parsed));
    return parseAgentSetting(text, text === "" ? undefined : "agent.yaml", parsed.given, environment);
  };
  const problemsOf = (result: ReturnType<typeof load>) => ("problems" in result ? result.problems : []);

  test("needs nothing: the defaults are those of deployer", () => {
    const result = load([]);
    assert.ok("setting" in result);
    const { etcd, prefix, retryDelayMs, killTimeoutMs, maxThreads, repullPeriodMs } = result.setting;
    assert.deepEqual(
      [
        etcd.nodes.map(String),
        etcd.dialTimeoutMs,
        prefix,
        retryDelayMs,
        killTimeoutMs,
        maxThreads,
        repullPeriodMs,
      ],
      [["http://127.0.0.1:2379/"], 5_000, "/deployer", 2_000, 10_000, 4, 86_400_000],
    );
  });

  test("a flag goes before its variable, and that before the file", () => {
    const text = "etcdPrefix: /file\nmaxThreads: 1\nkillTimeout: 1s\n";
    const environment = { STATIGO_AGENT_ETCD_PREFIX: "/variable", STATIGO_AGENT_MAX_THREADS: "2" };
    const result = load(["--etcd-prefix", "/flag"], environment, text);
    assert.ok("setting" in result);
    const { prefix, maxThreads, killTimeoutMs } = result.setting;
    assert.deepEqual([prefix, maxThreads, killTimeoutMs], ["/flag", 2, 1_000]);
  });

  test("each option has its variable, named after its flag", () => {
    for (const { key, flag, variable } of agentOptions) {
      if (flag !== undefined)
        assert.equal(variable, `STATIGO_AGENT_${flag.replaceAll("-", "_").toUpperCase()}`, key);
    }
  });

  test("deployer's own forms are taken: nodes with commas, a kill timeout in seconds, a registry's URL", () => {
    const result = load([
      "--etcd-nodes",
      "http://a:1,http://b:2",
      "--kill-timeout",
      "7",
      "--registry",
      "https://registry.lan:5000/",
    ]);
    assert.ok("setting" in result, problemsOf(result).join());
    assert.deepEqual(
      [
        result.setting.etcd.nodes.map(({ origin }) => origin),
        result.setting.killTimeoutMs,
        result.setting.registry,
      ],
      [["http://a:1", "http://b:2"], 7_000, "registry.lan:5000"],
    );
  });

  test("a password is no flag: others see command lines", () => {
    assert.equal(parseAgentArguments(["--etcd-password", "x"], {}).kind, "wrong");
    const result = load(["--etcd-user", "agent"], { STATIGO_AGENT_ETCD_PASSWORD: "pass" });
    assert.ok("setting" in result);
    assert.deepEqual(result.setting.etcd.user, { name: "agent", password: "pass" });
  });

  const wrong: [string[], Record<string, string>, string, RegExp][] = [
    [["--max-threads", "0"], {}, "", /^--max-threads: /],
    [
      [],
      { STATIGO_AGENT_ETCD_PREFIX: "deployer" },
      "",
      /^STATIGO_AGENT_ETCD_PREFIX: must begin with a slash/,
    ],
    [[], {}, "etcdNotes: [a]\n", /^agent\.yaml:1:1 etcdNotes: unknown key; did you mean `etcdNodes`\?/],
    [[], {}, "etcdNodes: [10.0.0.1]\n", /^agent\.yaml:1:\d+ etcdNodes\.0: must be http:\/\/host:port/],
    [["--docker", "tcp://10.0.0.1:2375"], {}, "", /^--docker: is spoken to without TLS/],
    [["--etcd-user", "agent"], {}, "", /etcdUser and etcdPassword go together/],
    [[], {}, "- a\n", /must be keys with values/],
  ];
  for (const [args, environment, text, expected] of wrong) {
    test(`says what is wrong: ${[...args, ...Object.keys(environment), text.trim()].join(" ")}`, () => {
      assert.match(problemsOf(load(args, environment, text)).join("\n"), expected);
    });
  }
});
