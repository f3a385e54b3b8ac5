import type { Recent, State } from "./answers.ts";
import { formatDuration } from "./format.ts";
import { type Condition, conditionWords, stateWords } from "./wording.ts";

/** Each has a shape of its own, in a square of 10: colour says nothing that the shape does not. */
const shapes = {
  good: "M2 5.5l2.2 2.3L8.2 2.5",
  bad: "M2.2 2.2l5.6 5.6M7.8 2.2l-5.6 5.6",
  back: "M8 7.5V5.5a2 2 0 0 0-2-2H2.2M4.2 1.5l-2 2 2 2",
  quiet: "M3 5h4",
  busy: "M5 1.8a3.2 3.2 0 1 1-3.2 3.2",
  wait: "M5 1.8a3.2 3.2 0 1 1 0 6.4a3.2 3.2 0 1 1 0-6.4M5 3.4V5l1.2.9",
  open: "M5 1.8a3.2 3.2 0 1 1 0 6.4a3.2 3.2 0 1 1 0-6.4",
} as const;

type Kind = keyof typeof shapes;

const kinds: Readonly<Record<State, Kind>> = {
  accepted: "wait",
  waiting: "wait",
  deploying: "busy",
  verifying: "busy",
  "rolling-back": "busy",
  succeeded: "good",
  failed: "bad",
  "rolled-back": "back",
  superseded: "quiet",
  cancelled: "quiet",
};

const conditionKinds: Readonly<Record<Condition, Kind>> = {
  healthy: "good",
  unhealthy: "bad",
  failed: "bad",
  deploying: "busy",
  unknown: "open",
  pending: "open",
  nothing: "quiet",
};

function Mark({ kind, label }: { kind: Kind; label: string }) {
  return (
    <svg class={`mark ${kind}`} viewBox="0 0 10 10" role="img" aria-label={label}>
      <path d={shapes[kind]} />
    </svg>
  );
}

/** A step that is over, whatever it was. */
export function PastMark() {
  return <Mark kind="open" label="over" />;
}

export function StateMark({ state }: { state: State }) {
  return <Mark kind={kinds[state]} label={stateWords[state]} />;
}

export function ConditionMark({ condition }: { condition: Condition }) {
  return <Mark kind={conditionKinds[condition]} label={conditionWords[condition]} />;
}

const cell = 14;

/** The last deployments, the newest on the right: one path for all of a kind, so that a row is few elements. */
export function Strip({ recent, length }: { recent: readonly Recent[]; length: number }) {
  const oldestFirst = recent.slice(0, length).toReversed();
  const offset = length - oldestFirst.length;
  const byKind = Map.groupBy(
    oldestFirst.map(({ state }, index) => ({ kind: kinds[state], x: (offset + index) * cell + 2 })),
    ({ kind }) => kind,
  );
  return (
    <svg class="strip" viewBox={`0 0 ${length * cell} 14`} role="img" aria-label={describeStrip(recent)}>
      {[...byKind].map(([kind, marks]) => (
        <path key={kind} class={kind} d={marks.map(({ x }) => moveShape(kind, x)).join("")} />
      ))}
    </svg>
  );
}

/** Only the first command is absolute in x and y, and those after an `M` in the middle. */
function moveShape(kind: Kind, x: number): string {
  return shapes[kind].replace(
    /([MLVH])\s*(-?[\d.]+)(?:\s+(-?[\d.]+))?/g,
    (_, command: string, first: string, second?: string) => {
      if (command === "V") return `V${Number(first) + 2}`;
      if (command === "H") return `H${Number(first) + x}`;
      return `${command}${Number(first) + x} ${Number(second) + 2}`;
    },
  );
}

export function describeStrip(recent: readonly Recent[]): string {
  const [newest] = recent;
  if (newest === undefined) return "no deployments yet";
  const counts = Map.groupBy(recent, ({ state }) => state);
  const parts = [...counts].map(([state, all]) => `${all.length} ${stateWords[state]}`);
  return `last ${recent.length}: ${parts.join(", ")}; newest ${stateWords[newest.state]}`;
}

const sparkWidth = 84;
const sparkHeight = 22;

/** How long deployments took, the newest on the right. */
export function Sparkline({ recent }: { recent: readonly Recent[] }) {
  const durations = recent
    .flatMap(({ durationMs }) => (durationMs === null ? [] : [durationMs]))
    .toReversed();
  const newest = durations.at(-1);
  if (newest === undefined) return <span class="spark" />;
  const longest = Math.max(...durations, 1);
  const step = durations.length > 1 ? (sparkWidth - 6) / (durations.length - 1) : 0;
  const points = durations.map((duration, index) => {
    const x = durations.length > 1 ? 3 + index * step : sparkWidth - 3;
    return `${x.toFixed(1)} ${(sparkHeight - 3 - (duration / longest) * (sparkHeight - 6)).toFixed(1)}`;
  });
  const label = `took ${formatDuration(newest)}, the longest of ${durations.length} ${formatDuration(longest)}`;
  return (
    <span class="spark">
      <svg viewBox={`0 0 ${sparkWidth} ${sparkHeight}`} role="img" aria-label={label}>
        <path class="line" d={`M${points.join("L")}`} />
        <path class="dot" d={`M${points.at(-1)}h.01`} />
      </svg>
      <span class="number">{formatDuration(newest)}</span>
    </span>
  );
}

const legend: readonly State[] = ["succeeded", "failed", "rolled-back", "superseded", "deploying", "waiting"];

export function Legend() {
  return (
    <ul class="legend" aria-label="What the marks mean">
      {legend.map((state) => (
        <li key={state}>
          <span aria-hidden="true">
            <StateMark state={state} />
          </span>
          {stateWords[state]}
        </li>
      ))}
    </ul>
  );
}
