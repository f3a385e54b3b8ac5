/** A store with a past: what weeks of deployments leave, told by a generator that always tells the same. */
import { DatabaseSync } from "node:sqlite";
import { openStore } from "../../hook/store/store.ts";

export interface History {
  services: readonly string[];
  /** In all, spread over the services. */
  deployments: number;
  /** The newest is about so old. */
  nowMs: number;
}

const minuteMs = 60_000;
const outcomes = [
  "succeeded",
  "succeeded",
  "succeeded",
  "superseded",
  "succeeded",
  "failed",
  "succeeded",
  "rolled-back",
];

/** Every service's last one has succeeded, so that what a test breaks is what is broken. */
export function fillHistory(file: string, { services, deployments, nowMs }: History): void {
  openStore(file).close();
  const database = new DatabaseSync(file);
  database.exec("BEGIN");
  const random = createRandom(7);
  const apartMs = (28 * 24 * 60 * minuteMs) / deployments;
  for (let index = 0; index < deployments; index++) {
    const service = services[index % services.length] ?? "";
    const isLast = index >= deployments - services.length;
    const state = isLast ? "succeeded" : (outcomes[Math.floor(random() * outcomes.length)] ?? "succeeded");
    const acceptedMs = Math.round(nowMs - (deployments - index) * apartMs);
    insert(database, { service, state, acceptedMs, tookMs: Math.round(4000 + 14_000 * random()), index });
  }
  database.exec("COMMIT");
  database.close();
}

interface Row {
  service: string;
  state: string;
  acceptedMs: number;
  tookMs: number;
  index: number;
}

const reasons: Readonly<Record<string, string>> = {
  succeeded: "healthy after 1.2 s (status 200, the first answer)",
  failed: "the registry has no such tag: is it pushed, and was it kept?",
  "rolled-back": "not healthy within 20 s: last gave status 502; the release before serves again",
  superseded: "superseded by a newer release",
};

function insert(database: DatabaseSync, { service, state, acceptedMs, tookMs, index }: Row): void {
  const isTried = state !== "superseded";
  const tag = `release-${new Date(acceptedMs).toISOString().replace(/\D/g, "").slice(0, 14)}`;
  const digest = `sha256:${index.toString(16).padStart(64, "a")}`;
  const endMs = isTried ? acceptedMs + tookMs : acceptedMs + 800;
  const { lastInsertRowid: id } = database
    .prepare(
      `INSERT INTO deployment (service, image, tag, digest, source, target, cause, actor, pusher, state, reason, attempt,
         pushed_at, accepted_at, first_started_at, started_at, finished_at)
       VALUES (?, ?, ?, ?, 'docker-hub', 'command', 'webhook', 'webhook', 'anna', ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      service,
      `acme/${service}`,
      tag,
      digest,
      state,
      reasons[state] ?? null,
      isTried ? 1 : 0,
      acceptedMs - 2500,
      acceptedMs,
      isTried ? acceptedMs + 300 : null,
      isTried ? acceptedMs + 300 : null,
      endMs,
    );
  const steps: [string, number][] = [
    ["accepted", acceptedMs],
    ["waiting", acceptedMs],
    ...(isTried ? ([["deploying", acceptedMs + 300]] as [string, number][]) : []),
    [state, endMs],
  ];
  let last = 0;
  for (const [step, atMs] of steps) {
    const made = database
      .prepare(
        "INSERT INTO transition (deployment, service, at, state, reason, actor) VALUES (?, ?, ?, ?, ?, 'hook')",
      )
      .run(id, service, atMs, step, step === state ? (reasons[state] ?? null) : null);
    last = Number(made.lastInsertRowid);
  }
  database.prepare("UPDATE deployment SET ended_order = ? WHERE id = ?").run(last, id);
}

/** A linear congruential generator (Numerical Recipes): the same history in every run. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
