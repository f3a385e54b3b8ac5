/** Every call that the Kubernetes target makes goes wrong in every way. */
import { test } from "node:test";
import { judgeSweep, type Place, ranOutOfTime, sweepFaults } from "../../support/fault-sweep.ts";
import { makeWorkload, startKubernetes } from "../../support/kubernetes.ts";

async function start(service: string): Promise<Place> {
  const kubernetes = await startKubernetes();
  const workload = makeWorkload({ image: `stut/${service}:v0` });
  workload.metadata.name = service;
  kubernetes.add("deployments", workload);
  return {
    engine: kubernetes.origin,
    target: (server, timeout) => ({ kubernetes: { server, deployment: service, timeout } }),
    async read() {
      const { image } = kubernetes.workload("deployments", service).spec.template.spec.containers[0] ?? {};
      return image?.split(":").at(-1);
    },
    stop: () => kubernetes.stop(),
  };
}

test("Kubernetes away, slow or answering garbage at any call keeps no release from arriving, and nothing untrue is said", async () => {
  // What is asked after these is asked again and again.
  judgeSweep(await sweepFaults({ start, count: 4 }), ranOutOfTime);
});
