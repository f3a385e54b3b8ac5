import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { build } from "esbuild";
import { checkVendored } from "../../../build/native-sbom.ts";
import { bundledFiles, packageFolders } from "../../../build/notices.ts";
import { billOfMaterials, type Part, packageParts } from "../../../build/sbom.ts";

const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
const product = { name: "statigo", version: "1.2.3", license: "Apache-2.0" };
const sha512 = "ab".repeat(64);
const part = (name: string, license = "MIT"): Part => ({
  name,
  version: "1.0.0",
  license,
  purl: `pkg:npm/${name}@1.0.0`,
  sha512,
});

describe("a bill of materials", () => {
  const folder = mkdtempSync(join(tmpdir(), "statigo-sbom-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("has every package of which something is bundled, one within another too, and no other", async () => {
    const packages = ["used", "used/node_modules/inner", "@scope/used", "unused", "installed"];
    const files: Record<string, string> = {
      "main.ts":
        'import { used } from "used"; import { it } from "@scope/used"; import { no } from "unused"; console.log(used, it);',
      "node_modules/used/index.js": 'export { inner as used } from "inner"; console.log("used");',
      "node_modules/used/node_modules/inner/index.js": "export const inner = Math.random();",
      "node_modules/@scope/used/index.js": "export const it = Math.random();",
      "node_modules/unused/index.js": "export const no = 1;",
    };
    const locked: Record<string, object> = {};
    for (const name of packages) {
      const manifest = {
        name: name.replace(/^.*node_modules\//, ""),
        version: "2.0.0",
        license: "ISC",
        sideEffects: name === "used",
      };
      files[`node_modules/${name}/package.json`] = JSON.stringify(manifest);
      locked[`node_modules/${name}`] = {
        integrity: `sha512-${Buffer.from(sha512, "hex").toString("base64")}`,
      };
    }
    files["package-lock.json"] = JSON.stringify({ packages: locked });
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
    const { metafile } = await build({
      absWorkingDir: folder,
      entryPoints: ["main.ts"],
      bundle: true,
      write: false,
      metafile: true,
    });
    const parts = packageParts(folder, packageFolders(bundledFiles(metafile)));
    assert.deepEqual(
      parts.map(({ name, purl }) => [name, purl]),
      [
        ["@scope/used", "pkg:npm/%40scope/used@2.0.0"],
        ["used", "pkg:npm/used@2.0.0"],
        ["inner", "pkg:npm/inner@2.0.0"],
      ],
    );
    for (const one of parts) assert.deepEqual([one.license, one.sha512], ["ISC", sha512]);
  });

  test("is what CycloneDX's own schema asks for, with all that a part can have, and with the least", async () => {
    const least = { name: "libgcc", version: undefined, license: "MIT", purl: undefined };
    const sources = [{ name: "server/native/hash.c", sha256: "cd".repeat(32) }];
    for (const bill of [
      billOfMaterials(product, [part("a", "(MIT OR Apache-2.0)"), least]),
      billOfMaterials({ ...product, sha256: "ef".repeat(32), sources }, [], 1_700_000_000),
    ])
      assert.equal(await validator.validate(bill), null);
    // The check itself can fail.
    assert.notEqual(
      await validator.validate(billOfMaterials(product, [{ ...least, sha512: "no hash" }])),
      null,
    );
  });

  test("is the same bytes whichever order the parts come in, and however often they do", () => {
    const bill = billOfMaterials(product, [part("a"), part("b")]);
    assert.equal(billOfMaterials(product, [part("b"), part("a"), part("b")]), bill);
    assert.doesNotMatch(bill, /timestamp|serialNumber/);
  });

  test("tells a time only when it is given one", () => {
    const { metadata } = JSON.parse(billOfMaterials(product, [], 1_700_000_000));
    assert.equal(metadata.timestamp, "2023-11-14T22:13:20.000Z");
  });

  test("of the native server is refused when it contains a library that is not named", () => {
    checkVendored(["src/scr_number.c", "vendor/quickjs-ng/libregexp.c"]);
    assert.throws(
      () => checkVendored(["vendor/mbedtls/library/ssl_tls.c"]),
      /vendor\/mbedtls\/ .* not name it/,
    );
  });
});
