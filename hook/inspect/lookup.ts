/** Values that take a while to find out: looked up when somebody asks, and known to the next one who does. */
export interface Lookup<Subject, Value> {
  /** The newest that is known, at once; asking has it looked up again where it is old. */
  of(key: string, subject: Subject): Known<Value> | undefined;
  /** Gives up what is under way. */
  stop(): void;
}

export interface Known<Value> {
  value: Value;
  atMs: number;
}

export interface LookupOptions<Subject, Value> {
  /** Must not throw. */
  look(subject: Subject, signal: AbortSignal): Promise<Value>;
  /** How long a value is not looked up again. */
  freshMs(value: Value): number;
  timeoutMs: number;
  /** More than this are never under way at once. */
  parallel: number;
  now?: () => number;
}

/** What was asked for last stays known; a hook whose services come and go must not keep all there ever was. */
const maximumKnown = 2000;

export function createLookup<Subject, Value>(options: LookupOptions<Subject, Value>): Lookup<Subject, Value> {
  const { look, freshMs, timeoutMs, parallel, now = () => Date.now() } = options;
  const known = new Map<string, Known<Value>>();
  const waiting = new Map<string, Subject>();
  const running = new Set<string>();
  const stopping = new AbortController();

  function keep(key: string, value: Value): void {
    known.delete(key);
    known.set(key, { value, atMs: now() });
    const [oldest] = known.keys();
    if (known.size > maximumKnown && oldest !== undefined) known.delete(oldest);
  }

  async function run(key: string, subject: Subject): Promise<void> {
    running.add(key);
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(timeoutMs)]);
    const value = await look(subject, signal);
    running.delete(key);
    if (stopping.signal.aborted) return;
    keep(key, value);
    startNext();
  }

  function startNext(): void {
    for (const [key, subject] of waiting) {
      if (running.size >= parallel) return;
      waiting.delete(key);
      void run(key, subject);
    }
  }

  return {
    of(key, subject) {
      const found = known.get(key);
      const isFresh = found !== undefined && now() - found.atMs < freshMs(found.value);
      if (!isFresh && !running.has(key) && !stopping.signal.aborted) {
        waiting.set(key, subject);
        startNext();
      }
      return found;
    },
    stop: () => stopping.abort(),
  };
}
