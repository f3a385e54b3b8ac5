/** Fills a store with what years of deployments leave. */
import { join } from "node:path";
import { openStore, type Store } from "../../hook/store/store.ts";
import { services } from "./process.ts";

const atOnce = 1000;
const states = ["succeeded", "succeeded", "succeeded", "superseded", "failed"] as const;

export async function fillHistory(folder: string, count: number): Promise<void> {
  const store = openStore(join(folder, "hook.db"));
  for (let stored = 0; stored < count; stored += atOnce) await storeSome(store, stored);
  store.close();
}

async function storeSome(store: Store, from: number): Promise<void> {
  await store.write((changes) => {
    for (let release = from; release < from + atOnce; release++) {
      const service = services[release % services.length] ?? "";
      const { id } = changes.insert(
        {
          service,
          image: `acme/${service}`,
          tag: `release-${String(release).padStart(14, "0")}`,
          digest: null,
          source: "docker-hub",
          target: "portainer",
          cause: "webhook",
          actor: "webhook",
          pusher: "bench",
          deliveryId: `delivery-${release}`,
          pushedAtMs: 1_700_000_000_000 + release,
          restores: null,
        },
        { state: "waiting", reason: null, actor: "webhook" },
      );
      changes.change(id, "deploying", { reason: null, actor: "hook" });
      const state = states[release % states.length] ?? "succeeded";
      changes.change(id, state, { reason: "as every day", actor: "hook" });
    }
  });
  const lines = ["deploying", "the engine took it", "done"].map((line) => ({ atMs: Date.now(), line }));
  const ids = Array.from({ length: atOnce }, (_, index) => from + index + 1);
  await Promise.all(ids.map((id) => store.appendLog(id, lines)));
}
