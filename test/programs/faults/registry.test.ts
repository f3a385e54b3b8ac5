/** Every call that the directory target makes of a registry goes wrong in every way, in front of a real registry. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { judgeSweep, type Place, ranOutOfTime, sweepFaults } from "../../support/fault-sweep.ts";
import { temporaryFolder } from "../../support/hook.ts";
import { type Registry, registryMissing, startRegistry } from "../../support/registry.ts";
import { pushParts, siteImage } from "../../support/site-images.ts";

describe("a registry", { skip: registryMissing }, () => {
  test("away, slow or answering garbage at any call keeps no release from arriving, and nothing untrue is said", async () => {
    const registry = await startRegistry();
    try {
      for (const tag of ["v1", "v2", "v3"])
        await pushParts(registry, "acme/blog", tag, siteImage({ "index.html": tag }));
      judgeSweep(await sweepFaults({ start: async () => startPlace(registry) }), ranOutOfTime);
    } finally {
      await registry.stop();
    }
  });
});

function startPlace({ origin }: Registry): Place {
  const folder = temporaryFolder();
  return {
    engine: origin,
    image: (address) => `${address.slice("http://".length)}/acme/blog`,
    target: (_, timeout) => ({ directory: { folder, timeout } }),
    more: (timeout) => `registry: { timeout: ${timeout} }`,
    read: async () => readFileSync(join(folder, "current", "index.html"), "utf8"),
    stop: async () => rmSync(folder, { recursive: true, force: true }),
  };
}
