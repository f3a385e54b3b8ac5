import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Container, startContainer } from "../support/containers.ts";
import { describeWithDocker } from "../support/docker.ts";
import { buildBaseImage, buildTemplateImage, root, sizeOf, testTag } from "../support/images.ts";

type Answer = readonly [path: string, status: number, type: string, content: RegExp];

const html = "text/html; charset=utf-8";
const notFound = /<h1>Page not found<\/h1>/;

const templates: Readonly<Record<string, readonly Answer[]>> = {
  jekyll: [
    ["/", 200, html, /<h1>Harbour Notes<\/h1>.*href="\/2025\/knots-worth-knowing\/"/s],
    ["/2025/knots-worth-knowing/", 200, html, /<td>Bowline<\/td>/],
    ["/about/", 200, html, /<h1>About<\/h1>/],
    ["/feed.xml", 200, "application/xml", /<title>Knots worth knowing<\/title>/],
    ["/assets/site.css", 200, "text/css; charset=utf-8", /:focus-visible/],
    ["/assets/lighthouse.svg", 200, "image/svg+xml", /^<svg/],
    ["/favicon.svg", 200, "image/svg+xml", /^<svg/],
    ["/2025/no-such-note/", 404, html, notFound],
    ["/Dockerfile", 404, html, notFound],
    ["/_config.yml", 404, html, notFound],
    ["/.dockerignore", 404, html, notFound],
  ],
  mustache: [
    ["/", 200, html, /<h1>Harbour Events<\/h1>.*<time datetime="2027-04-08T19:00">.*Café des développeurs/s],
    ["/events.json", 200, "application/json; charset=utf-8", /"title": "Summer harbour day"/],
    ["/css/site.css", 200, "text/css; charset=utf-8", /:focus-visible/],
    ["/js/past-events.js", 200, "text/javascript; charset=utf-8", /toLocaleDateString/],
    ["/img/harbour.svg", 200, "image/svg+xml", /^<svg/],
    ["/favicon.svg", 200, "image/svg+xml", /^<svg/],
    ["/no-such-page", 404, html, notFound],
    ["/Dockerfile", 404, html, notFound],
    ["/package.json", 404, html, notFound],
    ["/index.mustache", 404, html, notFound],
  ],
};

/** What a site may take beside the base image: these are a few pages each. */
const siteBudgetBytes = 40_000;

await describeWithDocker(
  "a template's image",
  ["node:24-bookworm-slim", "jekyll/jekyll:stable"],
  (docker) => {
    let base = "";

    before(async () => {
      base = await buildBaseImage(docker);
    });

    for (const [template, answers] of Object.entries(templates)) {
      for (const builder of ["buildkit", "classic"] as const) {
        describe(`${template}, built with ${builder}`, () => {
          let image = "";
          let container: Container | undefined;

          before(async () => {
            image = await buildTemplateImage(docker, template, builder);
            container = await startContainer(docker, { image });
          });
          after(() => container?.remove());

          for (const [path, status, type, content] of answers) {
            test(`answers ${path} with ${status}`, async () => {
              const response = await fetch(`${container?.url}${path}`);
              assert.equal(response.status, status);
              assert.equal(response.headers.get("content-type"), type);
              assert.match(await response.text(), content);
            });
          }

          test("is the base image and the site, and nothing else", async () => {
            const siteBytes = (await sizeOf(docker, image)) - (await sizeOf(docker, base));
            assert.ok(siteBytes > 0 && siteBytes < siteBudgetBytes, `the site takes ${siteBytes} bytes`);
          });
        });
      }
    }

    const readFrontPage = async (container: Container) => (await fetch(`${container.url}/`)).text();

    test("of jekyll dates its pages in the time zone of its Dockerfile", async () => {
      const image = await buildTemplateImage(docker, "jekyll", "buildkit");
      const container = await startContainer(docker, { image });
      try {
        const page = await readFrontPage(container);
        // Summer time is one hour ahead of UTC in London, and no zone that an image has by itself.
        assert.match(page, /<time datetime="2025-06-21T00:00:00\+01:00">/);
        assert.match(page, /Built on .* at \d\d:\d\d (GMT|BST)</);
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
          assert.match(await readFrontPage(container), /<h1>Harbour Notes<\/h1>/);
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
