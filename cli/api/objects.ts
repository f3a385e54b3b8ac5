/** The API's own objects, as far as the commands look into them: docs/hook/api.md and /api/openapi.json have them whole. */
export interface Deployment {
  id: number;
  service: string;
  tag: string;
  source: string;
  cause: string;
  actor: string;
  pusher: string | null;
  state: string;
  reason: string | null;
  waitingFor: string | null;
  rolledBackTo: string | null;
  acceptedAt: string;
  /** Earlier hooks do not tell it. */
  firstStartedAt?: string | null;
  startedAt: string | null;
  finishedAt: string | null;
}

export interface DeploymentPage {
  deployments: Deployment[];
  next: number | null;
}

export interface HeldService {
  state: string;
  pausedBy: string | null;
  pausedReason: string | null;
  frozenUntil: string | null;
  frozenBy: string | null;
  frozenReason: string | null;
}

export interface Service extends HeldService {
  name: string;
  release: { tag: string; deployment: number; since: string } | null;
  last: Deployment | null;
  next: Deployment | null;
}

export interface LogLine {
  sequence: number;
  at: string;
  line: string;
}

export interface DeploymentLog {
  deployment: Deployment;
  lines: LogLine[];
}

export interface Transition {
  id: number;
  deployment: number;
  service: string;
  tag: string;
  at: string;
  state: string;
  reason: string | null;
  actor: string;
}

/** What keeps a service from being deployed, from now on. */
export interface Hold extends HeldService {
  service: string;
  at: string;
}

export interface ConfigLoaded {
  configLoadedAt: string;
}

const endStates = new Set(["succeeded", "failed", "rolled-back", "superseded", "cancelled"]);

export function isEnded({ state }: Deployment): boolean {
  return endStates.has(state);
}
