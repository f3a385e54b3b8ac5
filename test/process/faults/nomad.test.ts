/** Every call that the Nomad target makes goes wrong in every way. */
import { test } from "node:test";
import { judgeSweep, type Place, ranOutOfTime, type Swept, sweepFaults } from "../../support/fault-sweep.ts";
import { makeJob, startNomad } from "../../support/nomad.ts";

async function start(service: string): Promise<Place> {
  const nomad = await startNomad();
  nomad.add({ ...makeJob({ image: `stut/${service}:v0` }), ID: service });
  return {
    engine: nomad.origin,
    target: (address, timeout) => ({ nomad: { address, timeout } }),
    async read() {
      const image = nomad.job(service).TaskGroups[0]?.Tasks[0]?.Config?.["image"];
      return String(image).split(":").at(-1);
    },
    stop: () => nomad.stop(),
  };
}

/** Nomad itself says 500 to what it does not like: a change is sent again only where it names a reason that passes. */
function isRefused({ fault, call, ended }: Swept): boolean {
  return fault === "error 500" && call.startsWith("POST") && /v1 goes on serving/.test(ended.reason ?? "");
}

test("Nomad away, slow or answering garbage at any call keeps no release from arriving, and nothing untrue is said", async () => {
  // What is asked after these is asked again and again.
  judgeSweep(await sweepFaults({ start, count: 6 }), (one) => ranOutOfTime(one) || isRefused(one));
});
