import type { Option, OwnCommand } from "../command.ts";
import { exitStatus } from "../exit-status.ts";
import { clean, print, printJson } from "../terminal.ts";
import type { Client } from "./client.ts";
import { apiCommand, type CommandCall, readId, servicePath } from "./command.ts";
import type { Deployment } from "./objects.ts";
import { readTimeout, watchDeployment } from "./watch.ts";
import { describeState } from "./wording.ts";

const waitOptions: Record<string, Option> = {
  wait: { type: "boolean", short: "w", summary: "show how it gets on, and end with how it ended" },
  timeout: {
    type: "string",
    value: "TIME",
    summary: "wait no longer than this, such as 10m (then: status 5)",
  },
};

export const deployCommand: OwnCommand = apiCommand({
  name: "deploy",
  takes: ["<service>", "<tag>"],
  summary: "Deploy a tag",
  options: {
    ...waitOptions,
    digest: { type: "string", value: "DIGEST", summary: "sha256:…, what the tag has to be" },
  },
  run: (client, call) =>
    ask(client, call, `${servicePath(call.given[0])}/deployments`, {
      tag: call.given[1],
      digest: call.text("digest"),
    }),
});

export const rollbackCommand: OwnCommand = apiCommand({
  name: "rollback",
  takes: ["<service>", "[tag]"],
  summary: "Go back to the release before, or to a tag that ran before",
  options: waitOptions,
  run: (client, call) => ask(client, call, `${servicePath(call.given[0])}/rollback`, { tag: call.given[1] }),
});

export const redeployCommand: OwnCommand = apiCommand({
  name: "redeploy",
  takes: ["<id>"],
  summary: "Deploy once more what a deployment did",
  options: waitOptions,
  run: (client, call) => ask(client, call, actionPath(call, "redeploy"), {}),
});

export const approveCommand: OwnCommand = apiCommand({
  name: "approve",
  takes: ["<id>"],
  summary: "Let a deployment go ahead that waits for approval",
  options: waitOptions,
  run: (client, call) => ask(client, call, actionPath(call, "approve"), {}),
});

export const cancelCommand: OwnCommand = apiCommand({
  name: "cancel",
  takes: ["<id>"],
  summary: "Keep a deployment from being deployed, or stop it",
  async run(client, call) {
    const deployment = await client.post<Deployment>(actionPath(call, "cancel"));
    report(deployment, call.json);
    return exitStatus.done;
  },
});

async function ask(client: Client, call: CommandCall, path: string, body: object): Promise<number> {
  const timeoutMs = readTimeout(call.text("timeout"));
  const deployment = await client.post<Deployment>(path, body);
  if (call.has("wait") || timeoutMs !== undefined)
    return watchDeployment(client, deployment, { json: call.json, timeoutMs });
  report(deployment, call.json);
  return exitStatus.done;
}

function report(deployment: Deployment, json: boolean): void {
  const { id, service, tag, state, reason } = deployment;
  const because = state === "waiting" && reason !== null ? `: ${reason}` : "";
  if (json) printJson(deployment);
  else print(clean(`deployment ${id}: ${service} ${tag}, ${describeState(deployment)}${because}`));
}

function actionPath({ given }: CommandCall, action: string): string {
  return `api/deployments/${readId(given[0])}/${action}`;
}
