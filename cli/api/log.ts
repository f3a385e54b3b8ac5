import type { OwnCommand } from "../command.ts";
import { exitStatus } from "../exit-status.ts";
import { clean, paint, print, printJson, printJsonLine, say } from "../terminal.ts";
import { formatClock } from "../time.ts";
import { apiCommand, readId } from "./command.ts";
import { type FollowListener, followDeployment } from "./follow.ts";
import { type Deployment, type DeploymentLog, isEnded, type LogLine } from "./objects.ts";
import { interruptible, statusOf } from "./watch.ts";
import { describeOutcome, describeState, styleOf } from "./wording.ts";

export const logCommand: OwnCommand = apiCommand({
  name: "log",
  takes: ["<id>"],
  summary: "Show what a deployment has written",
  options: {
    follow: {
      type: "boolean",
      short: "f",
      summary: "go on until it ends; the exit status then says how it ended",
    },
  },
  async run(client, { given, json, has }) {
    const id = readId(given[0]);
    if (!has("follow")) {
      const log = await client.get<DeploymentLog>(`api/deployments/${id}/log`);
      if (json) printJson(log);
      else showLog(log);
      return exitStatus.done;
    }
    // Asked for once before, so that a wrong number or address is an error and nothing to wait for.
    await client.get(`api/deployments/${id}`);
    const listener: FollowListener = {
      onLine: json ? printJsonLine : printLine,
      onState: (deployment) => {
        if (!isEnded(deployment)) say(describeProgress(deployment));
      },
      onTrouble: (problem) => say(`${problem}; trying again`),
    };
    const ended = await interruptible(
      id,
      undefined,
      () => {},
      (signal) => followDeployment(client, id, listener, signal),
    );
    if (typeof ended === "number") return ended;
    say(clean(describeOutcome(ended)));
    return statusOf(ended);
  },
});

/** With how it stands: what waits, or was never begun, has written nothing. */
function showLog({ deployment, lines }: DeploymentLog): void {
  for (const line of lines) printLine(line);
  say(isEnded(deployment) ? clean(describeOutcome(deployment)) : describeProgress(deployment));
}

function describeProgress(deployment: Deployment): string {
  const { id, state, reason } = deployment;
  const because = reason === null ? "" : `: ${reason}`;
  const text = clean(`deployment ${id}: ${describeState(deployment)}${because}`);
  return paint(text, styleOf(state), process.stderr);
}

function printLine({ at, line }: LogLine): void {
  print(`${paint(formatClock(at), "dim", process.stdout)} ${clean(line)}`);
}
