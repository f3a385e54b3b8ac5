import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { isHashedName } from "../../../server/hashed-name.ts";
import { mediaType } from "../../../server/mime.ts";

const isHashed = (path: string) => isHashedName(path, mediaType(path));
const digest = (algorithm: string) => createHash(algorithm).update("content").digest("hex");

describe("a name with a hash of its content:", () => {
  const hashed: Readonly<Record<string, readonly string[]>> = {
    webpack: [
      "/main.3f2a9c1b.js",
      "/main.8e0d62a10cb9bd0e4ea1.js",
      "/runtime~main.a1b2c3d4.js",
      "/static/js/787.3f2a9c1b.chunk.js",
      "/static/css/main.073c9b0a.css",
      "/static/css/main.073c9b0a.css.map",
      "/static/media/logo.6ce24c58023cc2f8fd88fe9d219db6c6.svg",
      "/8e0d62a10cb9bd0e4ea1.png",
    ],
    "Vite and Rollup": [
      "/assets/index-BxV3kq9z.css",
      "/assets/index-C_gcIYdA.js",
      "/assets/vendor-DJ3xWk_2.js",
      "/assets/index-BZpYJZ-P.css",
      "/assets/codeMirrorModule--QdMvsKi.css",
      "/assets/react-CGfpMDSb.mjs",
      "/assets/logo-1bWoP6pv.svg",
      "/assets/index.3f2a9c1b.js",
      "/assets/index-3f2a9c1b.js",
      "/assets/worker-D5SeAdMv.wasm",
    ],
    Astro: ["/_astro/hoisted.BY2vkw8A.js", "/_astro/index.B_TqY17P.css"],
    "esbuild and Angular": ["/chunk-3BCQJ7UR.js", "/main-5XQJ3K7B.js", "/styles-QRTZWXCV.css"],
    Parcel: ["/index.1a2b3c4d.js", "/photo.0f9e8d7c.webp"],
    "Next.js": [
      "/_next/static/chunks/pages/_app-3f2a9c1bd4e5f6a7.js",
      "/_next/static/css/1a2b3c4d5e6f7a8b.css",
      "/_next/static/dPzYkKu6TQkmAVgm0PyBz/_buildManifest.js",
      "/_next/static/media/a34f9d1faa5f3315-s.p.woff2",
    ],
    SvelteKit: ["/_app/immutable/entry/start.js"],
    Gatsby: ["/app-8e0d62a10cb9bd0e4ea1.js", "/webpack-runtime-0a1b2c3d4e5f6a7b8c9d.js"],
    Hugo: [
      `/css/style.min.${digest("sha256")}.css`,
      `/css/main.${digest("md5")}.css`,
      `/js/app.min.${digest("sha384")}.js`,
      `/js/app.min.${digest("sha512")}.js`,
    ],
    "Sprockets and jekyll-assets": [
      `/assets/application-${digest("sha256")}.css`,
      `/assets/style-${digest("md5")}.css`,
    ],
    Django: ["/static/base.27e20196a850.css"],
  };
  for (const [tool, paths] of Object.entries(hashed)) {
    test(`${tool}`, () => {
      for (const path of paths) assert.equal(isHashed(path), true, path);
    });
  }
});

describe("a name without one:", () => {
  const plain: Readonly<Record<string, readonly string[]>> = {
    words: [
      "/jquery-migrate.js",
      "/font-awesome.min.css",
      "/main-navigation.js",
      "/style.css",
      "/js/app.bundle.js",
      "/theme-facade.css",
      "/menu.defaced.css",
      "/lib-deadbeef.js",
      "/sidebar-collapse.js",
      "/js/jquery-ui.min.js",
      "/js/bootstrap.bundle.min.js.map",
      "/sw.js",
      "/service-worker.js",
    ],
    "words in CamelCase": [
      "/js/app-MainPage.js",
      "/js/app-DataGrid.js",
      "/img/photo-iPhone15.jpg",
      "/audio/book-Chapter3.mp3",
      "/img/icon-WINDOWS7.png",
      "/js/editor-HTMLView.js",
      "/js/view.HomePage.js",
    ],
    "dates and numbers": [
      "/2024-11-21-post.html",
      "/report-20231201.pdf",
      "/img/photo-20231201.jpg",
      "/img/IMG.20231201.jpg",
      "/img/minutes-5feb2024.png",
      "/img/minutes.5feb2024.png",
      "/img/minutes-20dec2023.png",
      "/video/clip-1280x720.mp4",
      "/wp-content/photo-1024x768.jpg",
      "/img/DSC_0012345.jpg",
      "/video/part1of2.mp4",
      "/video/talk-part1of2.mp4",
    ],
    "words with a year": ["/img/menu-cafe2024.png", "/img/door-facade2024.jpg", "/img/2024cafe.png"],
    versions: ["/js/jquery-3.7.1.min.js", "/js/bootstrap@5.3.0.js", "/js/vue.2.6.14.js"],
    identifiers: ["/img/f47ac10b-58cc-4372-a567-0e02b2c3d479.png"],
    "documents and data": [
      "/index-BxV3kq9z.html",
      "/main.3f2a9c1b.html",
      "/feed.3f2a9c1b.xml",
      "/data.3f2a9c1b.json",
      "/file.3f2a9c1b.pdf",
      `/${digest("sha256")}`,
      "/_next/static/index.html",
    ],
  };
  for (const [kind, paths] of Object.entries(plain)) {
    test(`${kind}`, () => {
      for (const path of paths) assert.equal(isHashed(path), false, path);
    });
  }
});

test("most random hashes of eight characters are found", () => {
  const count = 5000;
  let hex = 0;
  let base64 = 0;
  for (let i = 0; i < count; i++) {
    if (isHashed(`/main.${randomBytes(4).toString("hex")}.js`)) hex++;
    if (isHashed(`/index-${randomBytes(6).toString("base64url")}.js`)) base64++;
  }
  // Of hexadecimal ones 2.3 % are digits alone.
  assert.ok(hex > count * 0.96, `${hex}`);
  assert.ok(base64 > count * 0.85, `${base64}`);
});
