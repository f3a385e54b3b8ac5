/** bench/fleet.md, as --write leaves it. */
import { describeMachine } from "../machine.ts";

export interface Fleet {
  readonly sites: number;
  readonly machines: number;
}

export interface FleetFigure {
  readonly name: string;
  /** Reckoned before it was measured, and from what; none where nothing tells it. */
  readonly paper: string;
  readonly measured: string;
}

export function count(value: number, unit = "", digits = 0): string {
  const shown = value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return unit === "" ? shown : `${shown} ${unit}`;
}

export function renderFleetTable(figures: readonly FleetFigure[]): string {
  const rows = figures.map(({ name, paper, measured }) => `| ${name} | ${paper} | ${measured} |`);
  return ["| | on paper | measured |", "| --- | ---: | ---: |", ...rows, ""].join("\n");
}

export function renderFleetReport(figures: readonly FleetFigure[], { sites, machines }: Fleet): string {
  return `# A fleet, on paper and measured

Written by \`npm run bench:fleet -- --write\` on ${new Date().toISOString().slice(0, 10)}: ${count(sites)} sites on ${count(machines)} machines.

- Machine: ${describeMachine()}; Node ${process.version}. Everything shares it, other work too: times are upper bounds, numbers of requests are exact.
- etcd and Consul are real, one member each, over loopback, with their data on the disk as by default.
- The agents are \`statigo agent\`'s own code, all in one process, each with connections of its own; their Engine is a stub without
  containers, so that what is measured is what they ask of etcd. They look for a kept container (a rollback), which pulls nothing.
- 1 MB = 1,000,000 bytes; memory is what the kernel calls resident.

## Figures

${renderFleetTable(figures)}
## What follows

**One deployment.** By etcd, a machine without a container of the site says so in one request. One that has a container reads the
others' progress twice, takes its turn and gives it back, and writes each step, with what it was the last time as the condition: about a
dozen requests. By Consul KV it is two requests in all, and each machine's own template engine reads the one key that changed. By Nomad it
is about ten requests (read, plan, register, evaluation, and the deployment followed by long polls), whatever the number of machines;
that was not measured, since no Nomad can be had where this is run.

**A fleet that starts anew.** All agents go through all releases: sites × machines requests, which find that nothing has changed and
write nothing. That is the one number here that grows with both, and it is where a fleet stops first: with 10,000 sites on 100 machines a
million requests, and a million keys of progress, some 300 MB of etcd's 2 GB. Agents that are started again one by one cost a
hundredth of it each.

**Where it stops.**

| what | stops at | then |
| --- | --- | --- |
| the list of releases that an agent reads at once (16 MiB) | about 25,000 sites under a prefix | give each part of the fleet a prefix of its own (\`etcdPrefix\`) |
| etcd's quota (2 GB by default), a key of progress for each site and machine | about 5,000,000 of these | prefixes on several clusters |
| Consul's connections of one address (\`http_max_conns_per_client\`, 200) | 200 templates of one machine at its agent | raise it; Nomad's templates share connections only in part |
| deployments at the same time in a hook (\`deployments.parallel\`, at most 64) | 64 sites; the rest wait in the store | a second hook for other services |

**Not promised**: more than 25,000 sites for one hook and prefix, and a time within which a hundred machines whose agents all start
at the same moment are done.

## To repeat it

\`\`\`sh
npm ci && npm run bench:fleet
npm run bench:fleet -- --sites 1000 --machines 10
\`\`\`
`;
}
