/** What is asked of Prometheus by the files in hook/observability. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse } from "yaml";

const folder = resolve(import.meta.dirname, "../../hook/observability");

export const alertRules = resolve(folder, "alerts.yml");
export const alertRulesTests = ["alerts.test.yml", "alerts-over-days.test.yml"].map((file) =>
  resolve(import.meta.dirname, "../fixtures/prometheus", file),
);

export interface Query {
  /** The alert or the panel. */
  name: string;
  expression: string;
}

interface Rules {
  groups: { rules: { alert: string; expr: string }[] }[];
}

export function alertQueries(): Query[] {
  const { groups } = parse(readFileSync(alertRules, "utf8")) as Rules;
  return groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => ({ name: alert, expression: expr })));
}

interface Dashboard {
  panels: { title: string; type: string; targets?: { expr: string }[] }[];
  templating: { list: { type: string; definition?: string }[] };
}

export function readDashboard(): Dashboard {
  return JSON.parse(readFileSync(resolve(folder, "grafana-dashboard.json"), "utf8")) as Dashboard;
}

/** With Grafana's variables filled in, as for all services and the last hour. */
export function dashboardQueries(): Query[] {
  return readDashboard().panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      name: title,
      expression: expr
        .replaceAll("$service", ".*")
        .replaceAll("$__rate_interval", "1m")
        .replaceAll("$__range", "1h"),
    })),
  );
}

/** The hook's metrics that an expression names. */
export function metricNames(expression: string): string[] {
  return expression.match(/statigo_hook_\w+/g) ?? [];
}
