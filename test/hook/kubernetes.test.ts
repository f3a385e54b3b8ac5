import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { parseAllDocuments, stringify } from "yaml";
import type { Deployment } from "../../hook/store/deployment.ts";
import { readKubeconfig, readServiceAccount } from "../../hook/target/kubernetes/kubeconfig.ts";
import { judgeRollout } from "../../hook/target/kubernetes/rollout.ts";
import { selectorText, type Workload } from "../../hook/target/kubernetes/workload.ts";
import type { Target } from "../../hook/target/target.ts";
import { freePorts } from "../support/free-port.ts";
import { configOf, readConfig, startHook, temporaryFolder, until } from "../support/hook.ts";
import {
  type Kubernetes,
  makeWorkload,
  type Resource,
  type Rule,
  startKubernetes,
} from "../support/kubernetes.ts";
import { createCertificate } from "../support/registry.ts";

let kubernetes: Kubernetes;
let folder: string;
beforeEach(async () => {
  kubernetes = await startKubernetes();
  folder = temporaryFolder();
});
afterEach(async () => {
  await kubernetes.stop();
  rmSync(folder, { recursive: true });
});

interface Ended extends Deployment {
  log: string;
}

const digest = `sha256:${"ab".repeat(32)}`;
const imageOf = (resource: Resource = "deployments") =>
  kubernetes.workload(resource).spec.template.spec.containers[0]?.image;

function configFor(options: object, more = ""): string {
  const where = "kubeconfig" in options ? {} : { server: kubernetes.origin };
  return configOf({ blog: `${JSON.stringify({ kubernetes: { ...where, ...options } })}\n    ${more}` });
}

/** Deployments from webhook to outcome, one after another; the last one counts. */
async function deploy(
  options: object = {},
  { tags = ["v2"], more = "retry: { attempts: 1 }" } = {},
): Promise<Ended> {
  const hook = await startHook(configFor(options, more));
  try {
    for (const [index, tag] of tags.entries()) {
      await hook.push(tag);
      await hook.untilEnded(index + 1);
    }
    const ended = await hook.untilEnded(tags.length);
    return { ...ended, log: hook.logOf(tags.length) };
  } finally {
    await hook.stop();
  }
}

function targetOf(options: object = {}): Target {
  const service = readConfig(configFor(options), folder).services.get("blog");
  assert.ok(service !== undefined);
  return service.target;
}

const check = async (options: object = {}) => {
  const result = await targetOf(options).check?.({ signal: AbortSignal.timeout(60_000) });
  return result?.ok ? `ok: ${result.detail}` : `FAIL: ${result?.problem}`;
};

describe("a workload in Kubernetes", () => {
  for (const [resource, options, name] of [
    ["deployments", { deployment: "blog" }, "Deployment"],
    ["statefulsets", { statefulSet: "blog" }, "StatefulSet"],
    ["daemonsets", { daemonSet: "blog" }, "DaemonSet"],
  ] as const) {
    test(`gets the webhook's tag, and its rollout is followed to the end: ${name}`, async () => {
      kubernetes.add(resource, makeWorkload());
      const { state, reason, log } = await deploy(options);
      assert.equal(state, "succeeded", log);
      assert.match(
        reason ?? "",
        new RegExp(`^the ${name} blog runs v2: 2 of 2 updated, 2 (available|of 2 ready)`),
      );
      assert.equal(imageOf(resource), "stut/blog:v2");
      assert.ok(kubernetes.pods.every(({ spec }) => spec.containers[0]?.image === "stut/blog:v2"));
      assert.match(log, /server: stut\/blog:v1 becomes stut\/blog:v2/);
    });
  }

  test("is patched by its containers' names, on the condition that it is as it was read", async () => {
    const init = [
      { name: "copy", image: "stut/blog:v1" },
      { name: "wait", image: "busybox:1" },
    ];
    const workload = makeWorkload();
    workload.spec.template.spec.initContainers = init;
    workload.spec.template.spec.containers.push({ name: "proxy", image: "nginx:1" });
    kubernetes.add("deployments", workload);
    assert.equal((await deploy()).state, "succeeded");
    assert.deepEqual(kubernetes.patches, [
      {
        type: "application/strategic-merge-patch+json",
        body: {
          metadata: { resourceVersion: "1", annotations: { "kubernetes.io/change-cause": "statigo: v2" } },
          spec: {
            template: {
              spec: {
                containers: [{ name: "server", image: "stut/blog:v2" }],
                initContainers: [{ name: "copy", image: "stut/blog:v2" }],
              },
            },
          },
        },
      },
    ]);
    assert.ok(kubernetes.requests.some((line) => line.includes("fieldManager=statigo")));
  });

  test("is pinned to the digest, and keeps the name that a named container's image has there", async () => {
    for (const [before, after] of [
      ["stut/blog:v1", `stut/blog:v2@${digest}`],
      [`mirror.lan:5000/blog:v1@sha256:${"cd".repeat(32)}`, `mirror.lan:5000/blog:v2@${digest}`],
    ] as const) {
      await kubernetes.stop();
      kubernetes = await startKubernetes();
      kubernetes.add("deployments", makeWorkload({ image: before }));
      const target = targetOf({ container: "server" });
      const context = {
        signal: AbortSignal.timeout(60_000),
        log: () => {},
        deadline: new Date(),
        remember: async () => {},
      };
      const outcome = await target.deploy({ tag: "v2", digest } as Deployment, context);
      assert.deepEqual([outcome.kind, imageOf()], ["succeeded", after]);
      assert.deepEqual(await target.current?.(context), { tag: "v2", digest });
    }
  });

  test("that has the image already is not patched; how its rollout goes is told", async () => {
    kubernetes.add("deployments", makeWorkload({ image: "stut/blog:v2" }));
    const { state, log } = await deploy();
    assert.equal(state, "succeeded");
    assert.match(log, /has stut\/blog:v2 already/);
    assert.deepEqual(kubernetes.patches, []);
  });

  test("is followed on by the next start of a hook that was stopped meanwhile, not patched twice", async () => {
    kubernetes.add("deployments", makeWorkload());
    kubernetes.fates.set("stut/blog:v2", "waits");
    const config = configFor({}, "deadline: 15m").replace(
      "services:",
      "deployments: { grace: 0s }\nservices:",
    );
    const first = await startHook(config, { folder });
    await first.push("v2");
    await until("it is under way", () => kubernetes.pods.length === 3);
    await first.stop();
    kubernetes.fates.delete("stut/blog:v2");
    // The pod that waited is there for good: its node lets it start now.
    kubernetes.pods.splice(2, 1);
    const second = await startHook(config, { folder });
    const { state } = await second.untilEnded(1);
    assert.equal(state, "succeeded", second.logOf(1));
    await second.stop();
    assert.equal(kubernetes.patches.length, 1);
  });

  test("is read again when somebody else was faster, and what they changed is kept", async () => {
    kubernetes.add("deployments", makeWorkload());
    let races = 0;
    kubernetes.intercept = (method) => {
      if (method === "PATCH" && races++ < 2)
        kubernetes.change("deployments", ({ spec }) => Object.assign(spec, { minReadySeconds: races }));
      return undefined;
    };
    const { state, log } = await deploy();
    assert.equal(state, "succeeded", log);
    assert.match(log, /changed by somebody else meanwhile \(try 2 of 5\)/);
    assert.equal(
      (kubernetes.workload("deployments").spec as { minReadySeconds?: number }).minReadySeconds,
      2,
    );
  });

  test("that never stops being changed is left alone, worth another try", async () => {
    kubernetes.add("deployments", makeWorkload());
    kubernetes.intercept = (method) => {
      if (method === "PATCH") kubernetes.change("deployments", () => {});
      return undefined;
    };
    const { state, reason } = await deploy();
    assert.equal(state, "failed");
    assert.match(reason ?? "", /kept being changed by somebody else; find out who writes it/);
    assert.equal(imageOf(), "stut/blog:v1");
  });

  test("whose pods wait to be deleted (OnDelete) has taken it, and no more is said", async () => {
    kubernetes.add("statefulsets", makeWorkload({ spec: { updateStrategy: { type: "OnDelete" } } }));
    const { state, reason } = await deploy({ statefulSet: "blog" });
    assert.deepEqual(
      [state, reason],
      ["succeeded", "the StatefulSet blog has v2: the change waits for its pods to be deleted"],
    );
  });

  test("with a partition is done when the pods above it are", async () => {
    const updateStrategy = { type: "RollingUpdate", rollingUpdate: { partition: 1 } };
    kubernetes.add("statefulsets", makeWorkload({ replicas: 3, spec: { updateStrategy } }));
    const { state, reason } = await deploy({ statefulSet: "blog" });
    assert.deepEqual(
      [state, reason],
      ["succeeded", "the StatefulSet blog runs v2: 2 of 2 updated, 3 of 3 ready"],
    );
  });
});

describe("a rollout that comes to no good end", () => {
  const fates = [
    ["pull-fails", /server: ImagePullBackOff: Back-off pulling image "stut\/blog:v2"/],
    ["crashes", /server: CrashLoopBackOff: ended with status 2 \(Error: no index\.html\), restarted 3 times/],
    ["unschedulable", /Unschedulable: 0\/3 nodes are available: 3 Insufficient memory\./],
  ] as const;
  for (const [fate, why] of fates) {
    test(`is rolled back by the old image, and says why: ${fate}`, async () => {
      kubernetes.add("deployments", makeWorkload());
      kubernetes.fates.set("stut/blog:v2", fate);
      kubernetes.progressDeadlineSteps = 50;
      const { state, reason } = await deploy();
      assert.equal(state, "rolled-back", reason ?? "");
      assert.match(
        reason ?? "",
        /^the Deployment blog: ProgressDeadlineExceeded: ReplicaSet "blog-5d8c" has timed out progressing\.; /,
      );
      assert.match(reason ?? "", why);
      assert.match(reason ?? "", /; stut\/blog:v1 is back$/);
      assert.equal(imageOf(), "stut/blog:v1");
      assert.equal(kubernetes.pods.length, 2);
    });
  }

  for (const [resource, key] of [
    ["statefulsets", "statefulSet"],
    ["daemonsets", "daemonSet"],
  ] as const) {
    test(`is noticed by \`stalled\` where Kubernetes has no deadline of its own: ${key}`, async () => {
      kubernetes.add(resource, makeWorkload());
      kubernetes.fates.set("stut/blog:v2", "pull-fails");
      const { state, reason } = await deploy({ [key]: "blog", stalled: "1s" });
      assert.equal(state, "rolled-back", reason ?? "");
      assert.match(
        reason ?? "",
        /has not come further for 1 s: 1 of 2 updated, 1 .*; server: ImagePullBackOff.*; stut\/blog:v1 is back$/,
      );
      assert.equal(imageOf(resource), "stut/blog:v1");
    });
  }

  test("is failed when the old image is no good either", async () => {
    kubernetes.add("deployments", makeWorkload());
    kubernetes.fates.set("stut/blog:v2", "crashes").set("stut/blog:v1", "pull-fails");
    kubernetes.progressDeadlineSteps = 50;
    kubernetes.intercept = (method) => {
      // The old pods are gone as well: the node that had them is.
      if (method === "PATCH" && kubernetes.patches.length === 2) kubernetes.pods.length = 0;
      return undefined;
    };
    const { state, reason } = await deploy();
    assert.equal(state, "failed");
    assert.match(reason ?? "", /; stut\/blog:v1 is not healthy either: .*ImagePullBackOff/);
  });

  test("is failed when the old image cannot be put back", async () => {
    kubernetes.add("deployments", makeWorkload());
    kubernetes.fates.set("stut/blog:v2", "crashes");
    kubernetes.progressDeadlineSteps = 50;
    kubernetes.intercept = (method) =>
      method === "PATCH" && kubernetes.patches.length >= 2
        ? { status: 409, body: { kind: "Status", message: "the object has been modified" } }
        : undefined;
    const { state, reason } = await deploy();
    assert.equal(state, "failed");
    assert.match(reason ?? "", /stut\/blog:v1 could not be put back: .*kept being changed by somebody else/);
  });

  test("and not to any end within the time limit is taken back by the hook", async () => {
    kubernetes.add("deployments", makeWorkload());
    kubernetes.fates.set("stut/blog:v3", "waits");
    const { state, reason, rolledBackTo } = await deploy({ timeout: "1s" }, { tags: ["v2", "v3"] });
    assert.deepEqual([state, rolledBackTo, imageOf()], ["rolled-back", "v2", "stut/blog:v2"]);
    assert.match(
      reason ?? "",
      /did not come to an end with it in time; last seen: 1 of 2 updated, 2 available/,
    );
  });

  test("is followed without reasons where the hook may not list pods", async () => {
    kubernetes.add("deployments", makeWorkload());
    kubernetes.users.set("", [{ apiGroups: ["apps"], resources: ["*"], verbs: ["*"] }]);
    kubernetes.fates.set("stut/blog:v2", "crashes");
    kubernetes.progressDeadlineSteps = 50;
    const { state, reason } = await deploy();
    assert.equal(state, "rolled-back");
    assert.match(reason ?? "", /why is not known: the hook may not list pods/);
  });

  test("is followed through a server that is away for a moment", async () => {
    kubernetes.add("deployments", makeWorkload());
    let refusals = 0;
    kubernetes.intercept = (method) =>
      method === "GET" && kubernetes.patches.length > 0 && refusals++ < 2
        ? { status: 503, body: "apiserver not ready" }
        : undefined;
    const { state, log } = await deploy();
    assert.equal(state, "succeeded", log);
    assert.match(log, /answered 503; asking again until it does/);
  });
});

describe("what keeps a deployment from Kubernetes is told apart:", () => {
  const add = (options: object = {}, workload = makeWorkload()) => {
    kubernetes.add("deployments", workload);
    return options;
  };
  const cases: [what: string, arrange: () => object, expected: RegExp][] = [
    [
      "no such workload",
      () => ({}),
      /does not have it \(404: deployments\.apps "blog" not found\): correct its name and `namespace`/,
    ],
    ["another namespace", () => add({ namespace: "prod" }), /does not have it \(404/],
    [
      "another image",
      () => add({}, makeWorkload({ image: "nginx:1" })),
      /no container with the image stut\/blog; it has server \(nginx:1\): name one with `container`/,
    ],
    ["no such container", () => add({ container: "app" }), /blog has no container app; it has server/],
    [
      "a paused Deployment",
      () => add({}, makeWorkload({ spec: { paused: true } })),
      /is paused: `kubectl rollout resume deployment\/blog` first/,
    ],
    ["a token that is not valid", () => add({ token: "no" }), /does not know who asks \(401: Unauthorized\)/],
    [
      "a role that may only read",
      () => {
        kubernetes.users.set("", [{ apiGroups: ["apps", ""], resources: ["*"], verbs: ["get", "list"] }]);
        return add();
      },
      /does not allow it \(403: deployments\.apps "blog" is forbidden: User .* cannot patch resource "deployments".*\): see the role/,
    ],
    ["no JSON", () => answerAll(200, "<html>"), /is not Kubernetes: its answer is not JSON/],
    ["a redirect", () => answerAll(302, ""), /redirects to another place \(302\), which is not followed/],
    [
      "a refusal of admission",
      () => answerPatch(422, 'admission webhook "images.lan" denied the request: unsigned'),
      /refused the change \(422: admission webhook "images\.lan" denied/,
    ],
    [
      "a missing token file",
      () => add({ tokenFile: "./gone" }),
      /cannot read the token file .*gone \(ENOENT\)/,
    ],
  ];
  const answerAll = (status: number, body: string) => {
    kubernetes.intercept = () => ({ status, body });
    return {};
  };
  const answerPatch = (status: number, message: string) => {
    kubernetes.intercept = (method) =>
      method === "PATCH" ? { status, body: { kind: "Status", message } } : undefined;
    return add();
  };
  for (const [what, arrange, expected] of cases) {
    test(what, async () => {
      const { state, reason } = await deploy(arrange());
      assert.equal(state, "failed");
      assert.match(reason ?? "", expected);
    });
  }

  test("nothing listens", async () => {
    const [port] = await freePorts(1);
    const { reason } = await deploy({ server: `http://127.0.0.1:${port}` });
    assert.match(reason ?? "", /nothing listens at http:\/\/127\.0\.0\.1:\d+: is Kubernetes running there\?/);
  });

  test("outside a pod, without a server", async () => {
    const hook = await startHook(configOf({ blog: "{ kubernetes: {} }" }), { environment: {} });
    await hook.push("v2");
    const { reason } = await hook.untilEnded(1);
    await hook.stop();
    assert.match(
      reason ?? "",
      /does not run in a pod \(no KUBERNETES_SERVICE_HOST\): set `server` or `kubeconfig`/,
    );
  });
});

describe("the role in the docs", () => {
  const page = readFileSync(new URL("../../docs/targets/kubernetes.md", import.meta.url), "utf8");
  const manifest = /^```yml\n(.*?)^```$/ms.exec(page)?.[1] ?? "";
  const role = parseAllDocuments(manifest)
    .map((one) => one.toJS() as { kind: string; rules: Rule[] })
    .find(({ kind }) => kind === "Role");

  test("is enough for a deployment, a rollback with its reasons, and the check; nothing of it can be spared", async () => {
    assert.ok(role !== undefined);
    kubernetes.add("deployments", makeWorkload());
    kubernetes.users.set("the-token-0123456789", role.rules);
    kubernetes.fates.set("stut/blog:v2", "crashes");
    kubernetes.progressDeadlineSteps = 50;
    const options = { token: "the-token-0123456789" };
    assert.match(await check(options), /^ok/);
    const ended = await deploy(options);
    assert.equal(ended.state, "rolled-back", ended.reason ?? "");
    assert.match(ended.reason ?? "", /ended with status 2/);
    assert.doesNotMatch(JSON.stringify(ended), /the-token/);
    for (const [rule, verb] of role.rules.flatMap((one) => one.verbs.map((verb) => [one, verb] as const))) {
      const less = role.rules.map((one) =>
        one === rule ? { ...one, verbs: one.verbs.filter((other) => other !== verb) } : one,
      );
      kubernetes.users.set("the-token-0123456789", less);
      assert.match(
        await check(options),
        new RegExp(`^FAIL: .*does not allow to ${verb} ${rule.resources[0]}`),
      );
    }
  });
});

describe("who asks", () => {
  test("may show a client certificate over TLS, from files or from a kubeconfig", async () => {
    const { certificate, key, certificatePem, keyPem } = createCertificate(folder);
    const secure = await startKubernetes({ key: keyPem, cert: certificatePem, ca: certificatePem });
    try {
      secure.users.clear();
      secure.users.set("statigo test", [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }]);
      secure.add("deployments", makeWorkload(), "sites");
      const tls = { ca: certificate, cert: certificate, key };
      const server = { server: secure.origin, namespace: "sites" };
      assert.match(await check({ ...server, tls: { ca: certificate } }), /does not know who asks \(401/);
      assert.match(await check({ ...server }), /certificate that is not trusted .*set tls\.ca/);
      assert.match(await check({ ...server, tls }), /^ok/);
      writeFileSync(join(folder, "kubeconfig"), kubeconfigFor(secure.origin, { ca: certificatePem }));
      const ended = await deploy({ kubeconfig: join(folder, "kubeconfig") });
      assert.equal(ended.state, "succeeded", ended.reason ?? "");
      assert.equal(
        secure.workload("deployments", "blog", "sites").spec.template.spec.containers[0]?.image,
        "stut/blog:v2",
      );
    } finally {
      await secure.stop();
    }
  });

  /** With the certificate inline, its key by a path beside the file. */
  function kubeconfigFor(server: string, { ca }: { ca: string }): string {
    const data = Buffer.from(ca).toString("base64");
    return stringify({
      "current-context": "here",
      contexts: [{ name: "here", context: { cluster: "one", user: "hook", namespace: "sites" } }],
      clusters: [{ name: "one", cluster: { server, "certificate-authority-data": data } }],
      users: [{ name: "hook", user: { "client-certificate-data": data, "client-key": "key.pem" } }],
    });
  }

  test("has a token that is read again for each request", async () => {
    kubernetes.users.clear();
    kubernetes.users.set("first", [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }]);
    kubernetes.add("deployments", makeWorkload());
    const tokenFile = join(folder, "token");
    writeFileSync(tokenFile, "first\n");
    kubernetes.intercept = (method) => {
      if (method !== "PATCH") return undefined;
      kubernetes.users.set("second", kubernetes.users.get("first") ?? []);
      writeFileSync(tokenFile, "second\n");
      setTimeout(() => kubernetes.users.delete("first"));
      return undefined;
    };
    assert.equal((await deploy({ tokenFile })).state, "succeeded");
  });

  test("is a service account in a pod", () => {
    const account = join(folder, "account");
    mkdirSync(account);
    const environment = { KUBERNETES_SERVICE_HOST: "10.0.0.1", KUBERNETES_SERVICE_PORT: "443" };
    assert.match(
      JSON.stringify(readServiceAccount(environment, account)),
      /no service account in .*ENOENT.*automountServiceAccountToken/,
    );
    for (const [name, text] of [
      ["ca.crt", "PEM"],
      ["token", "t"],
      ["namespace", "sites"],
    ] as const)
      writeFileSync(join(account, name), text);
    assert.deepEqual(readServiceAccount(environment, account), {
      access: {
        server: "https://10.0.0.1:443",
        tls: { ca: Buffer.from("PEM") },
        tokenFile: join(account, "token"),
        namespace: "sites",
      },
    });
    const six = readServiceAccount({ ...environment, KUBERNETES_SERVICE_HOST: "fd00::1" }, account);
    assert.equal("access" in six && six.access.server, "https://[fd00::1]:443");
  });

  const kubeconfigs: [what: string, config: unknown, context: string | undefined, problem: RegExp][] = [
    ["no file", undefined, undefined, /cannot read the kubeconfig .* \(ENOENT\)/],
    ["no YAML", "a: [", undefined, /cannot read the kubeconfig/],
    ["a list", [], undefined, /is not a kubeconfig/],
    ["no current context", {}, undefined, /has no context by default: set `context`/],
    ["an unknown context", {}, "there", /has no context there/],
    ["no cluster", { contexts: [{ name: "here", context: { cluster: "x" } }] }, "here", /has no cluster x/],
    [
      "an exec plugin",
      withUser({ exec: { command: "aws" } }),
      "here",
      /has `exec`, which is not supported: use a service account's token/,
    ],
    [
      "a password",
      withUser({ username: "u", password: "p" }),
      "here",
      /has `username`, which is not supported/,
    ],
    [
      "unverified TLS",
      withUser({}, { "insecure-skip-tls-verify": true }),
      "here",
      /has `insecure-skip-tls-verify`, which is not supported/,
    ],
    [
      "a missing certificate",
      withUser({ "client-certificate": "gone.pem" }),
      "here",
      /cannot read the kubeconfig .*ENOENT/,
    ],
  ];
  for (const [what, config, context, problem] of kubeconfigs) {
    test(`is told what is wrong with a kubeconfig: ${what}`, () => {
      const file = join(folder, "config");
      if (config !== undefined) writeFileSync(file, typeof config === "string" ? config : stringify(config));
      const result = readKubeconfig(file, context);
      assert.match("problem" in result ? result.problem : "", problem);
    });
  }

  test("of a kubeconfig's token and token file is who the file says", () => {
    const file = join(folder, "config");
    writeFileSync(file, stringify(withUser({ token: "a", tokenFile: "t" })));
    const result = readKubeconfig(file, "here");
    assert.deepEqual("access" in result && result.access, {
      server: "https://one.lan",
      tls: {},
      tokenFile: join(folder, "t"),
      namespace: "default",
    });
  });

  function withUser(user: object, cluster: object = {}): object {
    return {
      contexts: [{ name: "here", context: { cluster: "one", user: "hook" } }],
      clusters: [{ name: "one", cluster: { server: "https://one.lan", ...cluster } }],
      users: [{ name: "hook", user }],
    };
  }

  test("is not asked for by a config that is wrong", () => {
    const wrong: [options: object, problem: RegExp][] = [
      [{ deployment: "a", daemonSet: "b" }, /only one of deployment, statefulSet, daemonSet/],
      [{ server: "https://a", kubeconfig: "./b" }, /has a server and a kubeconfig/],
      [{ kubeconfig: "./b", token: "0123456789abcdef" }, /token, tokenFile and tls go with `server`/],
      [{ token: "0123456789abcdef", tokenFile: "./t" }, /has a token and a tokenFile/],
      [{ context: "c" }, /context goes with `kubeconfig`/],
      [{ server: "kubernetes:6443" }, /must be an http or https URL/],
      [{ deployment: "Blog" }, /not a name in Kubernetes/],
    ];
    for (const [options, problem] of wrong) assert.throws(() => targetOf(options), problem);
  });
});

describe("the check", () => {
  test("asks what it may, sends a dry run, and changes nothing", async () => {
    kubernetes.add("deployments", makeWorkload());
    const before = JSON.stringify(kubernetes.workload("deployments").spec);
    assert.match(
      await check(),
      /^ok: Kubernetes at http:.* lets the Deployment blog be changed; server has stut\/blog:v1$/,
    );
    assert.equal(JSON.stringify(kubernetes.workload("deployments").spec), before);
    assert.match(kubernetes.requests.at(-1) ?? "", /^PATCH .*dryRun=All$/);
    assert.equal(kubernetes.requests.filter((line) => line.includes("selfsubjectaccessreviews")).length, 3);
  });

  test("finds what admission would refuse", async () => {
    kubernetes.add("deployments", makeWorkload());
    kubernetes.intercept = (method) =>
      method === "PATCH"
        ? { status: 403, body: { kind: "Status", message: "exceeded quota: sites" } }
        : undefined;
    assert.match(await check(), /^FAIL: .*does not allow it \(403: exceeded quota: sites\)/);
  });

  const warnings: [
    what: string,
    resource: Resource,
    options: object,
    workload: () => Workload,
    expected: RegExp,
  ][] = [
    [
      "Recreate",
      "deployments",
      {},
      () => makeWorkload({ spec: { strategy: { type: "Recreate" } } }),
      /strategy is Recreate/,
    ],
    [
      "one StatefulSet's pod",
      "statefulsets",
      { statefulSet: "blog" },
      () => makeWorkload({ replicas: 1 }),
      /a StatefulSet stops its only pod/,
    ],
    [
      "a DaemonSet",
      "daemonsets",
      { daemonSet: "blog" },
      () => makeWorkload(),
      /a DaemonSet without maxSurge stops each node's pod/,
    ],
    [
      "OnDelete",
      "statefulsets",
      { statefulSet: "blog" },
      () => makeWorkload({ spec: { updateStrategy: { type: "OnDelete" } } }),
      /no pod is replaced until somebody deletes it/,
    ],
    ["no readinessProbe", "deployments", {}, unprobed, /the container server has no readinessProbe/],
  ];
  for (const [what, resource, options, workload, expected] of warnings) {
    test(`warns of what cannot be without downtime: ${what}`, async () => {
      kubernetes.add(resource, workload());
      const said = await check(options);
      assert.match(said, /^ok: .*; warning: /);
      assert.match(said, expected);
    });
  }

  function unprobed(): Workload {
    const workload = makeWorkload();
    for (const container of workload.spec.template.spec.containers) delete container.readinessProbe;
    return workload;
  }
});

test("a rollout that its controller has not seen yet is never taken for done", () => {
  const workload = makeWorkload();
  workload.metadata.generation = 2;
  workload.status = { observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };
  for (const kind of ["deployment", "statefulSet", "daemonSet"] as const) {
    assert.deepEqual(judgeRollout(kind, workload), {
      kind: "under way",
      line: "not seen by its controller yet",
    });
  }
});

test("a label selector is written as the API takes it", () => {
  const matchExpressions = [
    { key: "tier", operator: "In", values: ["a", "b"] },
    { key: "old", operator: "NotIn", values: ["yes"] },
    { key: "on", operator: "Exists" },
    { key: "off", operator: "DoesNotExist" },
  ];
  assert.equal(
    selectorText({ matchLabels: { app: "blog" }, matchExpressions }),
    "app=blog,tier in (a,b),old notin (yes),on,!off",
  );
});
