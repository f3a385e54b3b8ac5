export const tokens = {
  read: "read-token-0123456789",
  deploy: "deploy-token-0123456789",
  admin: "admin-token-0123456789",
};

export type Scope = keyof typeof tokens;

export interface Row {
  method: "GET" | "POST";
  path: string;
  scope: Scope;
  body?: object;
  /** What the right token is answered with, where there is a service `blog` with one deployment that has ended. */
  status: number;
}

/** Every route there is (openapi.test.ts proves that), the scope it needs, and what it answers to it here. */
export const rows: readonly Row[] = [
  { method: "GET", path: "services", scope: "read", status: 200 },
  { method: "GET", path: "services/blog", scope: "read", status: 200 },
  { method: "POST", path: "services/blog/deployments", scope: "deploy", body: { tag: "v9" }, status: 202 },
  { method: "POST", path: "services/blog/rollback", scope: "deploy", body: { tag: "v1" }, status: 202 },
  { method: "POST", path: "services/blog/pause", scope: "admin", status: 200 },
  { method: "POST", path: "services/blog/resume", scope: "admin", status: 200 },
  { method: "POST", path: "services/blog/freeze", scope: "admin", body: { until: "1h" }, status: 200 },
  { method: "POST", path: "services/blog/unfreeze", scope: "admin", status: 200 },
  { method: "GET", path: "services/blog/set-up", scope: "read", status: 200 },
  { method: "POST", path: "services/blog/new-secret", scope: "admin", status: 200 },
  { method: "GET", path: "services/blog/config", scope: "admin", status: 200 },
  { method: "POST", path: "services/blog/test-delivery", scope: "deploy", body: { tag: "v9" }, status: 200 },
  { method: "GET", path: "running", scope: "read", status: 200 },
  { method: "GET", path: "recent", scope: "read", status: 200 },
  { method: "GET", path: "statistics", scope: "read", status: 200 },
  { method: "GET", path: "deployments", scope: "read", status: 200 },
  { method: "GET", path: "deployments/1", scope: "read", status: 200 },
  { method: "POST", path: "deployments/1/redeploy", scope: "deploy", status: 202 },
  { method: "POST", path: "deployments/1/cancel", scope: "deploy", status: 409 },
  { method: "POST", path: "deployments/1/approve", scope: "admin", status: 409 },
  { method: "GET", path: "deployments/1/log", scope: "read", status: 200 },
  { method: "GET", path: "events", scope: "read", status: 200 },
  { method: "GET", path: "audit", scope: "admin", status: 200 },
  { method: "GET", path: "openapi.json", scope: "read", status: 200 },
];
