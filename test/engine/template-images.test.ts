import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { listTemplates } from "../../cli/templates.ts";
import { browserMissing, keepScreenshot, openBrowser } from "../support/browser.ts";
import { type Container, startContainer } from "../support/containers.ts";
import { describeWithDocker } from "../support/docker.ts";
import { buildBaseImage, buildTemplateImage, root, sizeOf, testTag } from "../support/images.ts";
import { get } from "../support/raw-http.ts";
import { templateSites } from "../support/template-answers.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  id: string;
  nodes: { html: string }[];
}

const decoders = {
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
  gzip: gunzipSync,
} as const;

const images = Object.entries(templateSites).flatMap(([template, { builders }]) =>
  builders.map((builder) => ({ template, builder })),
);

test("every template has its image tested", () => {
  assert.deepEqual(Object.keys(templateSites), listTemplates(join(root, "templates")));
});

await describeWithDocker(
  "a template's image",
  ["node:24-bookworm-slim", "alpine:3.23", "jekyll/jekyll:stable"],
  (docker) => {
    let base = "";
    let browser: Browser | undefined;
    const builds = new Map<string, Promise<string>>();

    before(async () => {
      base = await buildBaseImage(docker);
      // All at once: what one fetches, another computes.
      for (const { template, builder } of images) {
        const build = buildTemplateImage(docker, template, builder);
        build.catch(() => {});
        builds.set(`${template} ${builder}`, build);
      }
      if (browserMissing === false) browser = await openBrowser();
    });
    after(() => browser?.close());

    for (const { template, builder } of images) {
      const site = templateSites[template];
      if (site === undefined) continue;
      describe(`${template}, built with ${builder}`, () => {
        let image = "";
        let container: Container | undefined;
        const url = (path: string) => `${container?.url}${path}`;

        before(async () => {
          image = (await builds.get(`${template} ${builder}`)) ?? "";
          container = await startContainer(docker, { image });
        });
        after(() => container?.remove());

        for (const [path, status, type, content] of site.answers) {
          test(`answers ${path} with ${status}`, async () => {
            const response = await fetch(url(path));
            assert.equal(response.status, status);
            assert.equal(response.headers.get("content-type"), type);
            assert.match(await response.text(), content);
          });
        }

        test("is the base image and the site, and nothing else", async () => {
          const siteBytes = (await sizeOf(docker, image)) - (await sizeOf(docker, base));
          assert.ok(siteBytes > 0 && siteBytes < site.budgetBytes, `the site takes ${siteBytes} bytes`);
        });

        test("has its text in every coding, made when it was built", async () => {
          const port = Number(new URL(url("/")).port);
          const plain = await get(port, site.compressed);
          assert.equal(plain.fields.get("content-encoding"), undefined);
          for (const [coding, decode] of Object.entries(decoders)) {
            const answer = await get(port, site.compressed, [`Accept-Encoding: ${coding}`]);
            assert.equal(answer.fields.get("content-encoding"), coding);
            assert.ok(answer.content.length < plain.content.length);
            assert.deepEqual(decode(answer.content), plain.content);
          }
        });

        const { dated } = site;
        if (dated !== undefined) {
          test("is dated in the time zone of its Dockerfile", async () => {
            assert.match(await (await fetch(url(dated[0]))).text(), dated[1]);
          });
        }

        if (builder !== "buildkit") return;
        for (const path of site.pages) {
          test(`has no fault of accessibility on ${path}, light and dark`, {
            skip: browserMissing,
          }, async () => {
            const page = await browser?.newPage({ viewport: { width: 900, height: 700 } });
            assert.ok(page !== undefined);
            const errors: string[] = [];
            page.on("pageerror", (error) => errors.push(error.message));
            await page.goto(url(path));
            await page.evaluate(axe);
            for (const colorScheme of ["light", "dark"] as const) {
              await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
              await keepScreenshot(page, `template-${template}-${path.replaceAll("/", "_")}-${colorScheme}`);
              const violations: Violation[] = await page.evaluate(
                "axe.run().then(({ violations }) => violations)",
              );
              const faults = violations.map(
                ({ id, nodes }) => `${colorScheme} ${id}: ${nodes.map(({ html }) => html).join(" ")}`,
              );
              assert.deepEqual({ faults, errors }, { faults: [], errors: [] });
            }
            await page.close();
          });
        }
      });
    }

    test("of jekyll dates its posts in the time zone of its Dockerfile", async () => {
      const container = await startContainer(docker, { image: (await builds.get("jekyll buildkit")) ?? "" });
      try {
        const page = await (await fetch(`${container.url}/`)).text();
        // Summer time is one hour ahead of UTC in London, and no zone that an image has by itself.
        assert.match(page, /<time datetime="2025-06-21T00:00:00\+01:00">/);
      } finally {
        await container.remove();
      }
    });

    test("of jekyll leaves its Dockerfile out of the site even where no .dockerignore does", async () => {
      const context = mkdtempSync(join(tmpdir(), "statigo-jekyll-"));
      try {
        cpSync(join(root, "templates/jekyll"), context, { recursive: true });
        rmSync(join(context, ".dockerignore"));
        const image = testTag("jekyll-all-files");
        await docker.build({ context, tag: image, args: { STATIGO: base } });
        const container = await startContainer(docker, { image });
        try {
          assert.match(await (await fetch(`${container.url}/`)).text(), /<h1>Harbour Notes<\/h1>/);
          assert.equal((await fetch(`${container.url}/Dockerfile`)).status, 404);
        } finally {
          await container.remove();
        }
      } finally {
        rmSync(context, { recursive: true });
      }
    });
  },
);
