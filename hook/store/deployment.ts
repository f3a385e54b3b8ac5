export type State = "waiting" | "deploying" | "succeeded" | "failed";

/** One accepted trigger and what became of it. */
export interface Deployment {
  id: number;
  service: string;
  /** The configured image repository; the webhook's spelling of it is not kept. */
  image: string;
  tag: string;
  digest: string | null;
  source: string;
  target: string;
  state: State;
  /** What the target said at the end, or why it is not there yet. */
  reason: string | null;
  /** How often a process has started on it. */
  attempt: number;
  pushedAtMs: number | null;
  acceptedAtMs: number;
  startedAtMs: number | null;
  finishedAtMs: number | null;
}

/** What is known when a trigger is accepted. */
export type NewDeployment = Pick<
  Deployment,
  "service" | "image" | "tag" | "digest" | "source" | "target" | "pushedAtMs" | "acceptedAtMs"
>;

export interface LogLine {
  atMs: number;
  line: string;
}
