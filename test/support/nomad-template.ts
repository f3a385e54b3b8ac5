/**
 * What Nomad does with this template of a job (the one in "My Server Setup Part 4: Continuous Delivery"):
 *
 *   template {
 *     data        = <<EOF
 *   {{ range ls "configs/stut/blog" }}
 *   {{ .Key }}={{ .Value }}
 *   {{ end }}
 *   EOF
 *     destination = "local/env"
 *     env         = true
 *     change_mode = "restart"
 *   }
 *
 * It renders the keys as environment variables, starts the task with them, watches the keys with blocking reads, and
 * restarts the task whenever the rendered text changes. The task is the caller's: a process, a container.
 */
import { setTimeout as sleep } from "node:timers/promises";

export type TaskEnvironment = Readonly<Record<string, string>>;

export interface TemplateOptions {
  /** The Consul agent, `http://127.0.0.1:8500`. */
  address: string;
  /** The folder of keys, such as `configs/stut/blog`. */
  folder: string;
  token?: string;
  /** Called with the environment when the task has to start, and each time that it has to start again. */
  restart(environment: TaskEnvironment): Promise<void>;
}

export interface TemplateWatch {
  /** Resolves when the task was (re)started with this value, rejects after the time limit. */
  untilRestartedWith(name: string, value: string, timeoutMs?: number): Promise<void>;
  /** How often the task was started. */
  starts(): number;
  stop(): Promise<void>;
}

interface Entry {
  Key: string;
  Value: string | null;
}

export function watchTemplate(options: TemplateOptions): TemplateWatch {
  const stopping = new AbortController();
  let started: TaskEnvironment | undefined;
  let starts = 0;
  let failure: Error | undefined;

  const watching = follow(options, stopping.signal, async (environment) => {
    // consul-template compares what it rendered; an index that moved without a change restarts nothing.
    if (started !== undefined && render(environment) === render(started)) return;
    await options.restart(environment);
    started = environment;
    starts += 1;
  }).catch((error: Error) => {
    if (!stopping.signal.aborted) failure = error;
  });

  return {
    async untilRestartedWith(name, value, timeoutMs = 60_000) {
      const deadline = Date.now() + timeoutMs;
      while (started?.[name] !== value) {
        if (failure !== undefined) throw failure;
        if (Date.now() > deadline)
          throw new Error(`${name} is ${started?.[name]}, not ${value}, after ${timeoutMs} ms`);
        await sleep(20);
      }
    },
    starts: () => starts,
    async stop() {
      stopping.abort();
      await watching;
    },
  };
}

async function follow(
  options: TemplateOptions,
  signal: AbortSignal,
  onChange: (environment: TaskEnvironment) => Promise<void>,
): Promise<void> {
  let index = 0;
  while (!signal.aborted) {
    const { environment, next } = await readFolder(options, index, signal);
    // The index may go backwards after a restore: the watch then begins anew.
    index = next < index ? 0 : next;
    // A template with a missing key waits: the task starts when there is something to render.
    if (Object.keys(environment).length > 0) await onChange(environment);
  }
}

async function readFolder({ address, folder, token }: TemplateOptions, index: number, signal: AbortSignal) {
  const headers = token === undefined ? {} : { "x-consul-token": token };
  const url = `${address}/v1/kv/${folder}/?recurse&index=${index}&wait=30s`;
  // Consul answers up to wait / 16 later than asked.
  const answer = await fetch(url, {
    headers,
    signal: AbortSignal.any([signal, AbortSignal.timeout(35_000)]),
  });
  if (!answer.ok && answer.status !== 404) throw new Error(`Consul: ${answer.status} ${await answer.text()}`);
  const entries = answer.status === 404 ? [] : ((await answer.json()) as Entry[]);
  if (answer.status === 404) await answer.text();
  return {
    environment: toEnvironment(entries, folder),
    next: Number(answer.headers.get("x-consul-index") ?? 0),
  };
}

/** `ls` is the keys directly in the folder, by their last part. */
function toEnvironment(entries: readonly Entry[], folder: string): TaskEnvironment {
  const direct = entries
    .map(
      ({ Key, Value }) =>
        [Key.slice(folder.length + 1), Buffer.from(Value ?? "", "base64").toString()] as const,
    )
    .filter(([name]) => name !== "" && !name.includes("/"));
  return Object.fromEntries(direct);
}

function render(environment: TaskEnvironment): string {
  return Object.entries(environment)
    .map(([name, value]) => `${name}=${value}\n`)
    .sort()
    .join("");
}
