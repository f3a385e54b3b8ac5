/** Every call that the Consul target makes goes wrong in every way, in front of a real agent. */
import { describe, test } from "node:test";
import { findConsul, startConsul } from "../../support/consul.ts";
import { judgeSweep, sweepFaults } from "../../support/fault-sweep.ts";

const consul = await findConsul();

describe("Consul", { skip: "reason" in consul ? consul.reason : false }, () => {
  test("away, slow or answering garbage at any call keeps no release from arriving, and nothing untrue is said", async () => {
    const agent = await startConsul("program" in consul ? consul : { program: "" });
    try {
      judgeSweep(
        await sweepFaults({
          start: async (service) => ({
            engine: agent.address,
            target: (address, timeout) => ({ consul: { address, key: `tags/${service}`, timeout } }),
            read: () => agent.read(`tags/${service}`),
          }),
        }),
      );
    } finally {
      await agent.stop();
    }
  });
});
