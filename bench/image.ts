/**
 * npm run bench:image -- [--quick] [--turns N] [--write]
 * From a folder to an image in a registry on this machine: `statigo image push` beside `docker build` and `docker push`,
 * turn by turn, of a whole new site and of one in which a page was edited.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureDocker, isAvailable } from "../test/support/docker.ts";
import { startRegistry } from "../test/support/registry.ts";
import { median } from "./figures.ts";
import { bundle, createContenders, type Turn } from "./image/contenders.ts";
import { type ImageFigure, renderImageReport, renderImageTable } from "./image/report.ts";
import { editPage, makeSite, type SiteSize } from "./image/site.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    turns: { type: "string" },
    write: { type: "boolean", default: false },
  },
});
const size: SiteSize = values.quick
  ? { files: 500, totalBytes: 10_000_000 }
  : { files: 5000, totalBytes: 100_000_000 };
const turns = Number(values.turns ?? (values.quick ? 2 : 7));

interface Samples {
  fresh: Map<string, Turn[]>;
  edited: Map<string, Turn[]>;
}

function add(turns: Map<string, Turn[]>, name: string, turn: Turn): void {
  turns.set(name, [...(turns.get(name) ?? []), turn]);
}

async function measure(folder: string): Promise<Samples> {
  const docker = await ensureDocker("node:24-bookworm-slim");
  if (!isAvailable(docker)) throw new Error(docker.reason);
  const registry = await startRegistry();
  const samples: Samples = { fresh: new Map(), edited: new Map() };
  try {
    const contenders = await createContenders(docker, registry.host, folder);
    for (let turn = 0; turn < turns; turn++) {
      // Of each turn another site, so that nobody has anything of it yet.
      const site = join(folder, `site-${turn}`);
      makeSite(site, size, turn);
      for (const { name, push } of contenders) {
        process.stderr.write(`turn ${turn + 1} of ${turns}: ${name}\n`);
        add(samples.fresh, name, await push(site, `turn-${turn}`, "v1"));
      }
      editPage(site);
      for (const { name, push } of contenders) {
        add(samples.edited, name, await push(site, `turn-${turn}`, "v2"));
      }
      for (const { forget } of contenders) await forget(`turn-${turn}`);
      rmSync(site, { recursive: true });
    }
    return samples;
  } finally {
    await registry.stop();
    await docker.stop();
  }
}

function figuresOf(turns: ReadonlyMap<string, Turn[]>, title: string, atMostRatio: number): ImageFigure[] {
  const secondsOf = (name: string) => median((turns.get(name) ?? []).map(({ seconds }) => seconds));
  const [ours, theirs] = [secondsOf("statigo"), secondsOf("docker")];
  const memory = Math.max(...(turns.get("statigo") ?? []).map(({ peakMegabytes = 0 }) => peakMegabytes));
  return [
    { name: `${title}: docker build + docker push`, value: theirs, unit: "s" },
    { name: `${title}: statigo image push`, value: ours, unit: "s" },
    {
      name: `${title}: the second in parts of the first`,
      value: ours / theirs,
      unit: "",
      atMost: atMostRatio,
    },
    { name: `${title}: highest memory of statigo`, value: memory, unit: "MB", atMost: 150 },
  ];
}

async function bench(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "statigo-bench-image-"));
  try {
    const { fresh, edited } = await measure(folder);
    const figures = [...figuresOf(fresh, "a new site", 0.5), ...figuresOf(edited, "an edited page", 1 / 3)];
    process.stdout.write(renderImageTable(figures));
    if (!values.write) return;
    writeFileSync(join(import.meta.dirname, "image.md"), renderImageReport(figures, { ...size, turns }));
    process.stderr.write("written to bench/image.md\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (existsSync(bundle)) await bench();
else {
  process.stderr.write("dist/cli.js is not there: npm run build && npm run build:native\n");
  process.exitCode = 1;
}
