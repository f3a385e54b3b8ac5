/** A real Prometheus for tests, of Debian's package. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingPackage, startProgram, waitUntilReady } from "./debian-program.ts";
import { freePorts } from "./free-port.ts";

export const prometheusMissing = missingPackage("prometheus", "prometheus");

export interface Sample {
  metric: Record<string, string>;
  value: [timeSeconds: number, value: string];
}

export interface Prometheus {
  origin: string;
  /** The samples of a query; throws with what Prometheus says is wrong with it. */
  query(expression: string): Promise<Sample[]>;
  stop(): Promise<void>;
}

export interface PrometheusOptions {
  /** `127.0.0.1:4500` */
  target: string;
  job: string;
  ruleFile: string;
}

export async function startPrometheus({ target, job, ruleFile }: PrometheusOptions): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), "statigo-prometheus-"));
  const [port = 0] = await freePorts(1);
  const config = {
    global: { scrape_interval: "500ms", scrape_timeout: "500ms", evaluation_interval: "500ms" },
    rule_files: [ruleFile],
    scrape_configs: [{ job_name: job, static_configs: [{ targets: [target] }] }],
  };
  writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
  const running = startProgram("prometheus", [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--log.level=warn",
  ]);
  const origin = `http://127.0.0.1:${port}`;
  await waitUntilReady(running, async () => (await fetch(`${origin}/-/ready`)).ok);
  return {
    origin,
    query: (expression) => ask(origin, expression),
    async stop() {
      await running.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function ask(origin: string, query: string): Promise<Sample[]> {
  const answer = await fetch(`${origin}/api/v1/query`, {
    method: "POST",
    body: new URLSearchParams({ query }),
  });
  const { data, error } = (await answer.json()) as { data?: { result: Sample[] }; error?: string };
  if (data === undefined) throw new Error(`${query}: ${error}`);
  return data.result;
}
