/**
 * npm run bench:fleet -- [--sites N] [--machines N] [--write]
 * What a fleet of 10,000 sites on 100 machines asks of etcd and Consul, real ones on loopback, and of the hook: memory,
 * requests, times, beside what they should be on paper. The agents are `statigo agent`'s own code, all in this process,
 * each with connections of its own and an Engine that has no container.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measureConfig } from "./fleet/config.ts";
import { measureConsul } from "./fleet/consul.ts";
import { measureEtcd } from "./fleet/etcd.ts";
import { type FleetFigure, renderFleetReport, renderFleetTable } from "./fleet/report.ts";

const { values } = parseArgs({
  options: {
    sites: { type: "string", default: "10000" },
    machines: { type: "string", default: "100" },
    write: { type: "boolean", default: false },
  },
});
const fleet = { sites: Number(values.sites), machines: Number(values.machines) };

const figures: FleetFigure[] = [];
for (const measure of [measureConfig, measureEtcd, measureConsul]) {
  process.stderr.write(`${measure.name}\n`);
  figures.push(...(await measure(fleet)));
}
process.stdout.write(renderFleetTable(figures));
if (values.write) writeFileSync(join(import.meta.dirname, "fleet.md"), renderFleetReport(figures, fleet));
// What agents and watchers left open is nobody's any more.
process.exit(0);
