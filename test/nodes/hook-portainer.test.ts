/**
 * The pipeline of "Even the smallest side project deserves its CI/CD pipeline": GitLab, the hook, Portainer, and a stack
 * of two nginx-like replicas in a swarm of one node. Portainer is played (test/support/portainer.ts), by its own sources;
 * what it is asked to do it does to a real swarm.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { promisify } from "node:util";
import {
  configOf,
  readConfig,
  secretOf,
  startHook,
  type TestHook,
  temporaryFolder,
} from "../support/hook.ts";
import { type Portainer, startPortainer } from "../support/portainer.ts";
import type { Managed, ManagedStack } from "../support/portainer-engine.ts";
import { keepAsking, startSwarm, swarmMissing, type TestSwarm, untilServing } from "../support/swarm.ts";
import { readFixture } from "../support/webhooks.ts";

const execute = promisify(execFile);
const apiKey = "ptr_0123456789abcdefghijklmnopqrstuvwxyz";
const token = "02f8b1d7-a4a7-4af2-a95b-b748d92f1b3b";
const endpoint = 2;
const www = "sophia_events_www";

/**
 * The post's stack file. Added are: no virtual address (`endpoint_mode`), which not every kernel can give; ports that the
 * test can reach, where the post has a TLS proxy in the same network; and less waiting. The post waits ten seconds
 * between two tasks.
 */
const stackFile = (image: string, more = "") => `version: "3.7"
services:
  www:
    image: ${image}
    networks:
      - proxy
    ports:
      - { target: 3000, mode: host }
    deploy:
      mode: replicated
      replicas: 2
      endpoint_mode: dnsrr
      update_config:
        parallelism: 1
        delay: 500ms
        monitor: 500ms
${more}      rollback_config:
        monitor: 500ms
      restart_policy:
        condition: on-failure
        delay: 500ms
networks:
  proxy:
    external: true
`;
/** What a stack needs to come through a bad release unnoticed. */
const careful = "        order: start-first\n        failure_action: rollback\n";

describe("from GitLab to the changed page, through Portainer", { skip: swarmMissing }, () => {
  let swarm: TestSwarm;
  let portainer: Portainer;
  let managed: Managed;
  before(async () => {
    swarm = await startSwarm();
    for (const tag of ["v1", "v2", "v1.4.2", "latest"]) await swarm.push(tag);
    await swarm.push("sick", { kind: "sick" });
    await swarm.manager.run("network", "create", "--driver", "overlay", "proxy");
    managed = {
      engine: swarm.manager,
      endpoint,
      webhooks: new Map([[token, www]]),
      stacks: new Map(),
      registries: new Map([[3, { username: "", password: "", serveraddress: "" }]]),
    };
    portainer = await startPortainer({ managed, apiKey });
    await deployStack(stackFile(`${swarm.image}:v1`));
  });
  after(async () => {
    await portainer?.stop();
    await swarm?.stop();
  });
  beforeEach(() => {
    portainer.requests.length = 0;
    managed.stacks.clear();
  });

  /** `docker stack deploy -c sophia.yml sophia_events`, as the post has it. */
  async function deployStack(file: string): Promise<void> {
    const folder = temporaryFolder();
    const path = join(folder, "sophia.yml");
    writeFileSync(path, file);
    await swarm.manager.run("stack", "deploy", "-c", path, "sophia_events");
    rmSync(folder, { recursive: true });
  }

  const imageOf = () => swarm.inspect<string>(www, ".Spec.TaskTemplate.ContainerSpec.Image");
  const common = () => ({ url: portainer.origin, apiKey, endpoint, monitor: "500ms" });

  async function withHook<Result>(
    options: object,
    work: (hook: TestHook) => Promise<Result>,
    more = "",
  ): Promise<Result> {
    const target = `${JSON.stringify({ portainer: options })}\n    retry: { attempts: 1 }${more}`;
    const hook = await startHook(
      configOf({ blog: target }).replace("image: stut/blog", `image: "${swarm.image}"`),
    );
    try {
      return await work(hook);
    } finally {
      await hook.stop();
    }
  }

  /** What the post's deploy stage does: `curl -XPOST $WWW_WEBHOOK`, with the tag that was built. */
  async function curl(hook: TestHook, tag: string): Promise<void> {
    const url = `${hook.origin}/hooks/blog/${secretOf("blog")}?tag=${tag}`;
    await execute("curl", ["--silent", "--fail", "--request", "POST", url]);
  }

  async function deploy(options: object, tag: string, more = "") {
    return withHook(
      options,
      async (hook) => {
        await curl(hook, tag);
        return { ...(await hook.untilEnded(1)), log: hook.logOf(1), hookLog: hook.log() };
      },
      more,
    );
  }

  test("a runner's curl deploys the tag by the service's webhook, as in the post", async () => {
    await untilServing(swarm, www, "v1", 2);
    const { state, reason } = await deploy(
      { serviceWebhook: `${portainer.origin}/api/webhooks/${token}` },
      "v2",
    );
    assert.deepEqual(
      [state, reason],
      ["succeeded", "Portainer took the tag v2 (204); it does not tell how it went on"],
    );
    await untilServing(swarm, www, "v2", 2);
  });

  test("GitLab's own webhook deploys a tag with the API key; nobody notices, and the hook waits until it is done", async (t) => {
    const asking = keepAsking(swarm, www);
    const webhook = "\n    webhook: { source: gitlab, gitlab: { on: pipeline } }";
    const { state, reason } = await withHook(
      { ...common(), service: www },
      async (hook) => {
        const { headers, raw } = readFixture("gitlab", "pipeline-tag");
        const url = `${hook.origin}/hooks/blog/${secretOf("blog")}`;
        const answer = await fetch(url, { method: "POST", headers, body: new Uint8Array(raw) });
        assert.equal(answer.status, 202, await answer.text());
        return hook.untilEnded(1);
      },
      webhook,
    );
    const tally = await asking.stop();
    assert.equal(state, "succeeded", reason ?? "");
    assert.match(
      reason ?? "",
      /^the swarm runs .*:v1\.4\.2@sha256:.* \(sophia_events_www: 2 of 2 tasks run it\)$/,
    );
    assert.deepEqual(tally.failures, []);
    t.diagnostic(`${tally.failures.length} of ${tally.requests} requests failed`);
    await untilServing(swarm, www, "v1.4.2", 2);
    assert.ok(
      portainer.requests.every((line) => line.startsWith(`${line.split(" ")[0]} /api/endpoints/2/docker/`)),
    );
  });

  test("a release that is not healthy is rolled back, and nobody notices; the key is in no log", async (t) => {
    const asking = keepAsking(swarm, www);
    const ended = await deploy({ ...common(), service: www }, "sick");
    const tally = await asking.stop();
    assert.equal(ended.state, "rolled-back", ended.reason ?? "");
    assert.match(ended.reason ?? "", /its health check failed: .*unknown flag/);
    assert.deepEqual(tally.failures, []);
    t.diagnostic(`${tally.failures.length} of ${tally.requests} requests failed`);
    assert.doesNotMatch(JSON.stringify(ended), new RegExp(apiKey));
    await untilServing(swarm, www, "v1.4.2", 2);
  });

  test("a tag that is not there fails before anything moves", async () => {
    const { state, reason } = await deploy({ ...common(), service: www }, "nowhere");
    assert.equal(state, "failed");
    assert.match(reason ?? "", /there is no .*:nowhere in its registry .*is it pushed\?/);
    assert.match(await imageOf(), /:v1\.4\.2@/);
  });

  test("`force` has Portainer pull the same tag again, and refuses another tag", async () => {
    await deploy({ ...common(), service: www }, "latest", "\n    tags: '.*'");
    await swarm.push("latest", { page: "a newer latest" });
    const forced = { ...common(), service: www, force: true };
    const { state, reason } = await deploy(forced, "latest", "\n    tags: '.*'");
    assert.equal(state, "succeeded", reason ?? "");
    assert.ok(portainer.requests.includes("PUT /api/endpoints/2/forceupdateservice"));
    await untilServing(swarm, www, "a newer latest", 2);
    const refused = await deploy(forced, "v2");
    assert.match(refused.reason ?? "", /runs .*:latest, not .*:v2: `force` leaves a tag as it is/);
  });

  describe("with a stack and its variable", () => {
    const withStack = () => ({
      url: portainer.origin,
      apiKey,
      endpoint,
      stack: "sophia_events",
      variable: "TAG",
    });
    function addStack(more: Partial<ManagedStack> = {}): ManagedStack {
      const stack: ManagedStack = {
        Id: 7,
        Name: "sophia_events",
        Type: 1,
        EndpointId: endpoint,
        Env: [
          { name: "OTHER", value: "stays" },
          { name: "TAG", value: "v1" },
        ],
        Option: { Prune: true },
        GitConfig: null,
        Status: 1,
        file: stackFile(`${swarm.image}:\${TAG}`, careful),
        deployments: 0,
        ...more,
      };
      managed.stacks.set(stack.Id, stack);
      return stack;
    }
    const envOf = ({ Env }: ManagedStack) => (Env ?? []).map(({ name, value }) => `${name}=${value}`);

    test("changes it and nothing else, and follows the stack's services", async () => {
      const stack = addStack();
      const { state, reason } = await deploy(withStack(), "v1");
      assert.equal(state, "succeeded", reason ?? "");
      assert.match(
        reason ?? "",
        /^TAG of the stack sophia_events is v1 \(sophia_events_www: 2 of 2 tasks run it\)$/,
      );
      await untilServing(swarm, www, "v1", 2);
      assert.deepEqual([envOf(stack), stack.deployments], [["OTHER=stays", "TAG=v1"], 1]);
      assert.ok(portainer.requests.includes("PUT /api/stacks/7?endpointId=2"));
    });

    test("puts it back when the swarm has rolled the release back, and nobody notices", async () => {
      const stack = addStack();
      const asking = keepAsking(swarm, www);
      const { state, reason } = await deploy(withStack(), "sick");
      const tally = await asking.stop();
      assert.equal(state, "rolled-back", reason ?? "");
      assert.match(
        reason ?? "",
        /the swarm has rolled sophia_events_www back: .*; TAG of the stack sophia_events is v1 again$/,
      );
      assert.deepEqual([envOf(stack), tally.failures], [["OTHER=stays", "TAG=v1"], []]);
      await untilServing(swarm, www, "v1", 2);
    });

    test("keeps where a git stack comes from, with a release of Portainer's that answers before it deploys", async () => {
      const GitConfig = {
        URL: "https://gitlab.com/lucj/sophia.git",
        ReferenceName: "refs/heads/master",
        Authentication: null,
      };
      const stack = addStack({ GitConfig, isAsynchronous: true });
      const { state, reason } = await deploy({ ...withStack(), stack: 7 }, "v2");
      assert.equal(state, "succeeded", reason ?? "");
      await untilServing(swarm, www, "v2", 2);
      assert.deepEqual([stack.GitConfig, stack.Option], [GitConfig, { Prune: true }]);
      assert.ok(portainer.requests.includes("PUT /api/stacks/7/git/redeploy?endpointId=2"));
    });

    for (const isAsynchronous of [false, true]) {
      test(`says what Docker said of a file that cannot be deployed${isAsynchronous ? ", also later" : ""}`, async () => {
        const stack = addStack({ file: "version: '3.7'\nservices: []\n", isAsynchronous });
        const { state, reason } = await deploy(withStack(), "v2");
        assert.equal(state, "failed");
        assert.match(reason ?? "", /services must be a mapping/i);
        assert.equal(stack.Option?.Prune, true);
      });
    }

    test("that is composed, not in a swarm, is deployed; how it went on, nobody tells", async () => {
      const stack = addStack({ Type: 2 });
      const { state, reason } = await deploy(withStack(), "v2");
      assert.equal(state, "succeeded");
      assert.match(
        reason ?? "",
        /TAG of the stack sophia_events is v2, and Portainer has deployed it; it does not tell/,
      );
      assert.deepEqual(envOf(stack), ["OTHER=stays", "TAG=v2"]);
    });

    test("is checked without being changed", async () => {
      const stack = addStack();
      const check = (options: object) => {
        const target = JSON.stringify({ portainer: options });
        const yaml = configOf({ blog: target }).replace("image: stut/blog", `image: "${swarm.image}"`);
        const { target: made } = readConfig(yaml, "/nowhere").services.get("blog") ?? {};
        return made?.check?.({ signal: AbortSignal.timeout(60_000) });
      };
      const good = await check(withStack());
      assert.ok(
        good?.ok &&
          /the stack sophia_events, from its file, has TAG = v1, which would be changed/.test(good.detail),
      );
      const refusals: [options: object, expected: RegExp][] = [
        [{ ...withStack(), stack: "other" }, /has no stack other in its environment 2$/],
        [{ ...withStack(), variable: "IMAGE" }, /has no environment variable IMAGE: add it there/],
        [
          { ...withStack(), stack: 8 },
          /refused to describe the stack 8 \(404: Unable to find a stack.*; Object not found/,
        ],
        [
          { ...withStack(), apiKey: "ptr_wrong" },
          /\(401: Invalid JWT token; Unauthorized\): is apiKey one of/,
        ],
        [
          { ...common(), service: www, endpoint: 9 },
          /404: Unable to find an environment.*is 9 the number of a Docker environment/,
        ],
        [{ ...common(), service: "other" }, /has no service other/],
      ];
      for (const [options, expected] of refusals) {
        const result = await check(options);
        assert.ok(result?.ok === false && expected.test(result.problem), JSON.stringify(result));
      }
      const service = await check({ ...common(), service: www });
      assert.ok(
        service?.ok && /Portainer's environment 2\) would update sophia_events_www/.test(service.detail),
      );
      assert.equal(stack.deployments, 0);
      assert.ok(portainer.requests.every((line) => line.startsWith("GET ")));
    });
  });
});
