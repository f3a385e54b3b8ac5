import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../hook/config/load.ts";

function problemsOf(lines: string): string[] {
  const yaml = `store: ./hook.db\n${lines}\nservices:\n  blog: { image: acme/blog, secret: blog-secret-0123456789 }\n`;
  const result = parseConfig(yaml, "hook.yaml", {});
  return "problems" in result ? result.problems : [];
}

for (const [lines, problem] of [
  [
    "dashboard: { proxy: { header: Remote-User, scope: read } }",
    "hook.yaml:2:14 dashboard.proxy: needs `trustedProxies`: without them anybody could send that header; name the proxy's address there",
  ],
  [
    "trustedProxies: [10.0.0.1]\ndashboard: { proxy: { header: Remote-User } }",
    "hook.yaml:3:14 dashboard.proxy: lets nobody in: give `scope`, `users` or both",
  ],
  [
    "trustedProxies: [10.0.0.1]\ndashboard: { proxy: { header: X-Forwarded-For, scope: read } }",
    "hook.yaml:3:23 dashboard.proxy.header: is never a user's name; take one such as Remote-User",
  ],
  [
    "trustedProxies: [10.0.0.1]\ndashboard: { proxy: { header: Remote User, scope: read } }",
    "hook.yaml:3:23 dashboard.proxy.header: not a header's name",
  ],
  ["dashboard: { session: 1s }", "hook.yaml:2:14 dashboard.session: must be between 1m and 90d"],
  ["dashboard: { sesion: 1d }", "hook.yaml:2:14 dashboard.sesion: unknown key; did you mean `session`?"],
] as const) {
  test(`${lines.replace("\n", ", ")} is an error with its place and what to do`, () => {
    assert.deepEqual(problemsOf(lines), [problem]);
  });
}
