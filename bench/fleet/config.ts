/** A hook's config with a service for every site: how long it takes to read, and what it takes to keep. */
import { parseConfig } from "../../hook/config/load.ts";
import { count, type Fleet, type FleetFigure } from "./report.ts";
import { residentMegabytesOf } from "./resident.ts";

export async function measureConfig({ sites }: Fleet): Promise<FleetFigure[]> {
  const services = Array.from({ length: sites }, (_, index) => {
    const target = `{ consul: { address: "http://127.0.0.1:8500", key: configs/site-${index} } }`;
    return `  site-${index}: { image: acme/site-${index}, secret: secret-of-site-${index}-0123456789, target: ${target} }\n`;
  });
  const text = `store: ./hook.db\nservices:\n${services.join("")}`;
  const before = residentMegabytesOf("self");
  const startedMs = performance.now();
  const result = parseConfig(text, "hook.yaml", {});
  const ms = performance.now() - startedMs;
  if ("problems" in result) throw new Error(result.problems.slice(0, 3).join("\n"));
  const grown = residentMegabytesOf("self") - before;
  return [
    {
      name: "the hook's config: its length",
      paper: "150 bytes a site",
      measured: count(text.length / 1e6, "MB", 1),
    },
    {
      name: "the hook's config: read and checked",
      paper: "0.1 ms a site",
      measured: count(ms / 1000, "s", 1),
    },
    { name: "the hook's config: memory at its highest", paper: "10 kB a site", measured: count(grown, "MB") },
  ];
}
