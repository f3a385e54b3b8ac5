import { relative } from "node:path";
import { image } from "./hook-config.ts";
import { repository } from "./places.ts";

export interface Addresses {
  siteUrl: string;
  hookUrl: string;
}

export interface Started extends Addresses {
  /** What one signs in to the dashboard with. */
  token: string;
}

/** `release-` and 14 digits, as the CI of the original flow tags its images. */
export function tagAt(now: Date): string {
  return `release-${now.toISOString().replace(/\D/g, "").slice(0, 14)}`;
}

/** The shell fills in the time, so that every paste is a new release. */
export function describeCurl(hookUrl: string, secret: string): string {
  const tag = `release-'$(date -u +%Y%m%d%H%M%S)'`;
  const body = `{"push_data":{"tag":"${tag}"},"repository":{"repo_name":"${image}"}}`;
  return [
    `curl ${hookUrl}/hooks/example/${secret} \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d '${body}'`,
  ].join("\n");
}

export function describeStart(
  { siteUrl, hookUrl, token }: Started,
  tag: string,
  curl: string,
  logs: string[],
): string {
  const files = logs.map((log) => relative(repository, log)).join(" and ");
  return `
  Site  ${siteUrl}   ${tag}
  Hook  ${hookUrl}
  Dashboard  ${hookUrl}/dashboard/
  to sign in ${token}

Open the site, then paste this into another terminal. It is what Docker Hub posts when
an image was pushed; the page shows the new release within two seconds:

${curl}

Logs are in ${files}. Ctrl-C stops everything.

`;
}

export function describePortInUse(what: string, port: number, variable: string): string {
  return `port ${port} is in use, and ${what} wants it. Stop what listens there, or take another one: ${variable}=${port + 1} npm start`;
}
