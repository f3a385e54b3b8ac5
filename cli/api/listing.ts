import { type OwnCommand, UsageError } from "../command.ts";
import { exitStatus } from "../exit-status.ts";
import { type Cell, type Column, formatTable } from "../table.ts";
import { paint, print, printJson, say, widthOf } from "../terminal.ts";
import { formatAge, formatDuration } from "../time.ts";
import { apiCommand, readId, servicePath } from "./command.ts";
import type { Deployment, DeploymentPage, Service } from "./objects.ts";
import { describeHold, describeState, styleOf, tookMs } from "./wording.ts";

export const servicesCommand: OwnCommand = apiCommand({
  name: "services",
  takes: [],
  summary: "List the services: what runs of each, and what comes next",
  async run(client, { json }) {
    const answer = await client.get<{ services: Service[] }>("api/services");
    if (json) printJson(answer);
    else printTable(serviceColumns, answer.services.map(serviceRow));
    return exitStatus.done;
  },
});

const serviceColumns: readonly Column[] = [
  { title: "SERVICE" },
  { title: "RELEASE", minimumWidth: 8 },
  { title: "SINCE" },
  { title: "STATE", minimumWidth: 6 },
  { title: "LAST", minimumWidth: 12 },
  { title: "NEXT", minimumWidth: 12 },
];

function serviceRow(service: Service): (Cell | string)[] {
  const { name, release, last, next } = service;
  return [
    name,
    release?.tag ?? "-",
    release === null ? "-" : formatAge(release.since, Date.now()),
    holdCell(service),
    last === null ? "-" : deploymentCell(last),
    next === null ? "-" : deploymentCell(next),
  ];
}

function holdCell(service: Service): Cell {
  const text = describeHold(service);
  return service.state === "active" ? { text } : { text, style: "yellow" };
}

function deploymentCell(deployment: Deployment): Cell {
  const { id, tag, state } = deployment;
  return { text: `#${id} ${tag} ${describeState(deployment)}`, style: styleOf(state) };
}

export const deploymentsCommand: OwnCommand = apiCommand({
  name: "deployments",
  takes: ["[service]"],
  summary: "List deployments, newest first",
  options: {
    limit: { type: "string", short: "n", value: "COUNT", summary: "how many, at most 200 (20)" },
    state: { type: "string", value: "STATE", summary: "only those in this state, such as failed" },
    before: { type: "string", value: "ID", summary: "only those with a smaller number" },
  },
  async run(client, { given, json, text }) {
    const page = await client.get<DeploymentPage>("api/deployments", {
      service: given[0],
      state: text("state"),
      before: text("before") === undefined ? undefined : readId(text("before")),
      limit: readLimit(text("limit") ?? "20"),
    });
    // A service that is gone has its deployments still.
    if (given[0] !== undefined && page.deployments.length === 0) await client.get(servicePath(given[0]));
    if (json) printJson(page);
    else {
      printTable(deploymentColumns, page.deployments.map(deploymentRow));
      if (page.next !== null) say(`there are more: --before ${page.next}`);
    }
    return exitStatus.done;
  },
});

function readLimit(text: string): number {
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= 200) return limit;
  throw new UsageError(`--limit ${text}: it is a number from 1 to 200`);
}

const deploymentColumns: readonly Column[] = [
  { title: "ID", isNumber: true },
  { title: "SERVICE", minimumWidth: 8 },
  { title: "TAG", minimumWidth: 8 },
  { title: "STATE", minimumWidth: 9 },
  { title: "BY", minimumWidth: 6 },
  { title: "WHEN" },
  { title: "TOOK", isNumber: true },
  { title: "REASON", minimumWidth: 10 },
];

function deploymentRow(deployment: Deployment): (Cell | string)[] {
  const { id, service, tag, state, cause, acceptedAt, reason } = deployment;
  const took = tookMs(deployment);
  return [
    String(id),
    service,
    tag,
    { text: describeState(deployment), style: styleOf(state) },
    cause === "webhook" ? (deployment.pusher ?? deployment.source) : deployment.actor,
    formatAge(acceptedAt, Date.now()),
    took === undefined ? "-" : formatDuration(took),
    reason ?? "",
  ];
}

function printTable(columns: readonly Column[], rows: readonly (readonly (Cell | string)[])[]): void {
  const { stdout } = process;
  const lines = formatTable(columns, rows, widthOf(stdout), (text, style) => paint(text, style, stdout));
  for (const line of lines) print(line);
}
