/** A real Alertmanager for tests, of Debian's package. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingPackage, startProgram, waitUntilReady } from "./debian-program.ts";
import { freePorts } from "./free-port.ts";

export const alertmanagerMissing = missingPackage("prometheus-alertmanager", "prometheus-alertmanager");

export interface GivenAlert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
  generatorURL: string;
}

export interface Alertmanager {
  origin: string;
  /** The alerts that fire. */
  alerts(): Promise<GivenAlert[]>;
  stop(): Promise<void>;
}

export interface AlertmanagerOptions {
  /** Where it posts what it groups, so that resolved alerts can be seen as well. */
  webhook?: string;
  /** The port of one that was stopped. */
  port?: number;
}

export async function startAlertmanager(options: AlertmanagerOptions = {}): Promise<Alertmanager> {
  const folder = mkdtempSync(join(tmpdir(), "statigo-alertmanager-"));
  const [free = 0] = await freePorts(1);
  const port = options.port ?? free;
  writeFileSync(join(folder, "alertmanager.yml"), configuration(options.webhook));
  const running = startProgram("prometheus-alertmanager", [
    `--config.file=${join(folder, "alertmanager.yml")}`,
    `--storage.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--cluster.listen-address=",
  ]);
  const origin = `http://127.0.0.1:${port}`;
  await waitUntilReady(running, async () => (await fetch(`${origin}/-/ready`)).ok);
  return {
    origin,
    alerts: async () => (await fetch(`${origin}/api/v2/alerts`)).json() as Promise<GivenAlert[]>,
    async stop() {
      await running.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configuration(webhook: string | undefined): string {
  const receiver =
    webhook === undefined ? { name: "test" } : { name: "test", webhook_configs: [{ url: webhook }] };
  const route = { receiver: "test", group_by: ["..."], group_wait: "0s", group_interval: "1s" };
  return JSON.stringify({ route, receivers: [receiver] });
}
