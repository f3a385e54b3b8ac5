/**
 * The chain of the blog posts that this project comes from, with every part real but Nomad: curl posts Docker Hub's
 * webhook → the hook writes the tag into Consul → the job's template sees it → the container is started anew with
 * the image of that tag → the page changes.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { type ConsulAgent, findConsul, startConsul } from "../support/consul.ts";
import { type Container, startContainer } from "../support/containers.ts";
import { type Docker, describeWithDocker } from "../support/docker.ts";
import { configOf, dockerHubBody, secretOf, startHook, temporaryFolder } from "../support/hook.ts";
import { buildBaseImage } from "../support/images.ts";
import { watchTemplate } from "../support/nomad-template.ts";

const execute = promisify(execFile);
const repository = "statigo-test/blog";
const tags = ["release-20230103082900", "release-20230104101500"] as const;

/** A site's image as the README has it: two lines on top of ours. */
async function buildSite(docker: Docker, base: string, tag: string): Promise<void> {
  const context = temporaryFolder();
  mkdirSync(join(context, "site"));
  writeFileSync(join(context, "site", "index.html"), `<h1>${tag}</h1>`);
  writeFileSync(join(context, "Dockerfile"), `FROM ${base}\nCOPY site ./\n`);
  await docker.build({ context, tag: `${repository}:${tag}` });
  rmSync(context, { recursive: true });
}

async function push(origin: string, tag: string): Promise<string> {
  const { stdout } = await execute("curl", [
    "--silent",
    "--write-out",
    "%{http_code}",
    "--output",
    "/dev/null",
    "--header",
    "Content-Type: application/json",
    "--data",
    dockerHubBody(repository, tag),
    `${origin}/hooks/blog/${secretOf("blog")}`,
  ]);
  return stdout;
}

const consul = await findConsul();

await describeWithDocker("from webhook to changed page", ["node:24-bookworm-slim"], (docker) => {
  describe("through Consul", { skip: "reason" in consul ? consul.reason : false }, () => {
    let agent: ConsulAgent;
    before(async () => {
      if (!("program" in consul)) throw new Error(consul.reason);
      agent = await startConsul(consul);
      const base = await buildBaseImage(docker);
      for (const tag of tags) await buildSite(docker, base, tag);
    });
    after(async () => {
      await agent.stop();
      for (const tag of tags) await docker.run(["image", "rm", "--force", `${repository}:${tag}`]);
    });

    test("each pushed tag is running within seconds, and a foreign image changes nothing", async () => {
      let container: Container | undefined;
      const job = watchTemplate({
        address: agent.address,
        folder: `configs/${repository}`,
        async restart({ IMAGE_TAG = "" }) {
          await container?.remove();
          container = await startContainer(docker, { image: `${repository}:${IMAGE_TAG}` });
        },
      });
      const target = JSON.stringify({ consul: { address: agent.address } });
      const hook = await startHook(configOf({ blog: target }).replace("stut/blog", repository));
      try {
        for (const tag of tags) {
          assert.equal(await push(hook.origin, tag), "202");
          await job.untilRestartedWith("IMAGE_TAG", tag, 30_000);
          assert.equal(await agent.read(`configs/${repository}/IMAGE_TAG`), tag);
          assert.equal(await (await fetch(`${container?.url}/`)).text(), `<h1>${tag}</h1>`);
        }
        const foreign = await fetch(`${hook.origin}/hooks/blog/${secretOf("blog")}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: dockerHubBody("somebody/else", "release-20230105101500"),
        });
        assert.equal(foreign.status, 202);
        assert.match(await foreign.text(), /the repository is not this service/);
        assert.equal(await agent.read(`configs/${repository}/IMAGE_TAG`), tags[1]);
        assert.equal(job.starts(), 2);
      } finally {
        await job.stop();
        await hook.stop();
        await container?.remove();
      }
    });
  });
});
