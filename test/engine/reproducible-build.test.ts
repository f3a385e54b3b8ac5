/** One more build of the native server, in a copy of the sources elsewhere: what `npm run build:native` made is what anybody gets. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const built = join(root, "dist/native/statigo");
const missing = existsSync(built) ? false : "dist/native/statigo is not built: npm run build:native";

const hashOf = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

test("the native server is the same bytes when it is built in another folder, by another user's settings", {
  skip: missing,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "statigo another folder, with a longer name "));
  try {
    for (const name of ["server", "build", "package.json", "package-lock.json", "tsconfig.json"])
      cpSync(join(root, name), join(folder, name), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    // Its own cache of objects: none of the first build's is used again.
    const env = {
      ...process.env,
      TZ: "Pacific/Chatham",
      LC_ALL: "C.UTF-8",
      LANG: "de_DE.UTF-8",
      HOME: folder,
    };
    await run("/bin/sh", ["-c", 'umask 077 && exec "$0" build/native.ts', process.execPath], {
      cwd: folder,
      env,
    });
    for (const suffix of ["", ".cdx.json"])
      assert.equal(hashOf(`${join(folder, "dist/native/statigo")}${suffix}`), hashOf(`${built}${suffix}`));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
