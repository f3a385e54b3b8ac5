import { CommandError, exitStatus } from "../exit-status.ts";
import { clean, paint, print, printJson, say } from "../terminal.ts";
import { formatClock, formatDuration, parseDuration } from "../time.ts";
import type { Client } from "./client.ts";
import { followDeployment } from "./follow.ts";
import { type Deployment, type DeploymentLog, isEnded } from "./objects.ts";
import { describeOutcome, describeState, styleOf } from "./wording.ts";

export interface WatchOptions {
  json: boolean;
  /** Given up watching after this; the deployment goes on. */
  timeoutMs: number | undefined;
}

/** The last lines of a log say why it failed, most of the time. */
const shownLogLines = 20;

export function readTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const timeoutMs = parseDuration(text);
  // More than 2^31 ms would be 1 ms to a timer.
  if (timeoutMs !== undefined && timeoutMs > 0 && timeoutMs < 2 ** 31) return timeoutMs;
  throw new CommandError("--timeout is not a duration such as 90s, 10m or 2h", exitStatus.wrongInput);
}

/** Shows how a deployment gets on, to its end. Resolves to the exit status. */
export async function watchDeployment(
  client: Client,
  { id }: Deployment,
  options: WatchOptions,
): Promise<number> {
  const progress = createProgress();
  const ended = await interruptible(id, options.timeoutMs, progress.clear, (signal) =>
    followDeployment(
      client,
      id,
      {
        onState: progress.show,
        onLine: () => {},
        onTrouble: (problem) => progress.note(`${problem}; trying again`),
      },
      signal,
    ),
  );
  progress.clear();
  if (typeof ended === "number") return ended;
  if (options.json) printJson(ended);
  else print(paint(clean(describeOutcome(ended)), styleOf(ended.state), process.stdout));
  if (ended.state === "failed" || ended.state === "rolled-back") await showLog(client, id);
  return statusOf(ended);
}

export function statusOf({ state }: Deployment): number {
  return state === "succeeded" ? exitStatus.done : exitStatus.failed;
}

async function showLog(client: Client, id: number): Promise<void> {
  const { lines } = await client.get<DeploymentLog>(`api/deployments/${id}/log`);
  const shown = lines.slice(-shownLogLines);
  if (shown.length < lines.length)
    say(`the last ${shownLogLines} lines of its log (all: statigo log ${id}):`);
  for (const { at, line } of shown) say(`${formatClock(at)} ${clean(line)}`);
}

/** Ctrl-C and the time limit end the watching and not the deployment. */
export async function interruptible<Result>(
  id: number,
  timeoutMs: number | undefined,
  beforeWords: () => void,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result | number> {
  const leaving = new AbortController();
  const interrupt = () => leaving.abort(exitStatus.interrupted);
  process.once("SIGINT", interrupt);
  const timer =
    timeoutMs === undefined ? undefined : setTimeout(() => leaving.abort(exitStatus.undecided), timeoutMs);
  try {
    return await work(leaving.signal);
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
    beforeWords();
    const why = leaving.signal.reason === exitStatus.undecided ? "has not ended yet and " : "";
    say(`deployment ${id} ${why}goes on without this; watch it with: statigo log ${id} -f`);
    return leaving.signal.reason as number;
  } finally {
    clearTimeout(timer);
    process.off("SIGINT", interrupt);
  }
}

interface Progress {
  show(deployment: Deployment): void;
  note(text: string): void;
  clear(): void;
}

/** On a terminal one line that changes, elsewhere one line a change. */
function createProgress(): Progress {
  const { isTTY } = process.stderr;
  let current = "";
  let sinceMs = performance.now();
  const draw = () =>
    process.stderr.write(`\r\u001b[2K${current}  ${formatDuration(performance.now() - sinceMs)}`);
  const clear = () => {
    clearInterval(timer);
    timer = undefined;
    if (isTTY && current !== "") process.stderr.write("\r\u001b[2K");
    current = "";
  };
  let timer: NodeJS.Timeout | undefined;
  return {
    clear,
    show(deployment) {
      // How it ended is told on its own, and not only to people.
      if (isEnded(deployment)) return;
      const { service, tag, id } = deployment;
      const words = clean(`${service} ${tag} (deployment ${id}): ${describeState(deployment)}`);
      if (!isTTY) return say(words);
      if (current === "") sinceMs = performance.now();
      current = paint(words, styleOf(deployment.state), process.stderr);
      timer ??= setInterval(draw, 1000);
      draw();
    },
    note(text) {
      if (isTTY && current !== "") process.stderr.write("\r\u001b[2K");
      say(clean(text));
    },
  };
}
