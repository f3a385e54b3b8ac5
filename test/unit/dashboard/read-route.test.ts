import assert from "node:assert/strict";
import { test } from "node:test";
import { deploymentLink, readRoute, serviceLink } from "../../../hook/dashboard/client/read-route.ts";

const routes: [hash: string, route: ReturnType<typeof readRoute>][] = [
  ["", { page: "overview" }],
  ["#/", { page: "overview" }],
  ["#/services/blog", { page: "service", service: "blog" }],
  ["#/services/", { page: "unknown" }],
  ["#/services/%E0%A4", { page: "unknown" }],
  ["#/deployments/12", { page: "deployment", id: 12 }],
  ["#/deployments/x", { page: "unknown" }],
  [`#/deployments/${"9".repeat(30)}`, { page: "unknown" }],
  ["#/elsewhere", { page: "unknown" }],
];
for (const [hash, route] of routes)
  test(`"${hash}" is the page ${route.page}`, () => assert.deepEqual(readRoute(hash), route));

test("a link leads back to where it was made for", () => {
  for (const service of ["blog", "a.b-c_d", "50%/½"])
    assert.deepEqual(readRoute(serviceLink(service)), { page: "service", service });
  assert.deepEqual(readRoute(deploymentLink(7)), { page: "deployment", id: 7 });
});
