/** bench/README.md, as --write leaves it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describeMachine, loadCore, serverCore } from "./machine.ts";
import type { Subject } from "./subjects.ts";

export interface Run {
  readonly turns: number;
  readonly seconds: number;
  readonly wrkVersion: string;
  readonly problems: readonly string[];
}

export function renderReport(tables: string, subjects: readonly Subject[], run: Run): string {
  const versions = subjects.map(({ name, version }) =>
    version.startsWith(name) ? version : `${name} ${version}`,
  );
  const problems = run.problems.map((problem) => `- ${problem}\n`).join("");
  return `# Measured

Written by \`npm run bench -- --write\` on ${new Date().toISOString().slice(0, 10)}.

- Machine: ${describeMachine()}
- Servers: ${versions.join(", ")}; load: ${run.wrkVersion}
- Medians of ${run.turns} turn(s), loads of ${run.seconds} s; in every turn all servers come one after another, each started anew.
- The server runs on processor ${serverCore}, the load on processor ${loadCore}, over loopback.
- The columns with × say how often better ours is: 2.00 is twice the requests or half the time or memory.
- The processor time a request is the steadiest figure: what else the machine does moves it least.
${problems === "" ? "" : `\nWhat went wrong:\n\n${problems}`}
## To repeat it

\`\`\`sh
apt-get install --no-install-recommends nginx-light lighttpd wrk
npm ci && npm run build:native
npm run bench -- --quick          # one short turn, to see that all works
npm run bench -- --write          # the whole, about a quarter of an hour, into this file
\`\`\`

\`--turns N\`, \`--seconds N\` and \`--only WORD\` (a part of a title) shorten or lengthen it. The other servers' settings are in
\`peer-configs.ts\`.

## Figures

${tables}${existsSync(soakPath) ? `\n${readFileSync(soakPath, "utf8")}` : ""}`;
}

/** What the last long run left. */
export const soakPath = join(import.meta.dirname, "soak.md");

export function renderSoak(lines: readonly string[], seconds: number): string {
  return `### ${Math.round(seconds / 60)} minutes of mixed load

wrk with 16 connections as fast as it goes, and beside it ordinary requests, ranges, aborted downloads, slow readers and
writers, idle connections and garbage, with an access log; after each tenth of the time the server comes to rest. Written by \`npm run soak -- --write\` on ${new Date().toISOString().slice(0, 10)}.

\`\`\`text
${lines.join("\n")}
\`\`\`
`;
}
