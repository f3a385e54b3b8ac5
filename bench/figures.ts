/** Medians, ratios, and the tables that show them. */
import type { Bar, Measure, Scenario } from "./scenario.ts";

/** Samples by scenario's title, then by the measure's place, then by subject. */
export type Samples = Map<string, Map<string, number[]>[]>;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}

function show(value: number | undefined, digits: number): string {
  if (value === undefined || Number.isNaN(value)) return "–";
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** How often better our figure is than another's: above 1 we are ahead. */
export function advantage(measure: Measure, ours: number, theirs: number): number {
  return measure.better === "more" ? ours / theirs : theirs / ours;
}

function showBar(bar: Bar): string {
  if (bar.kind === "ratio")
    return Object.entries(bar.against)
      .map(([name, ratio]) => `≥ ${ratio} × ${name}`)
      .join(", ");
  if (bar.kind === "ratio to the better") return `≥ ${bar.value} × the better`;
  return `${bar.kind === "at most" ? "≤" : "≥"} ${show(bar.value, 0)}`;
}

export function isMet(measure: Measure, ours: number, others: ReadonlyMap<string, number>): boolean {
  const { bar } = measure;
  if (bar === undefined) return true;
  if (bar.kind === "at most") return ours <= bar.value;
  if (bar.kind === "at least") return ours >= bar.value;
  const needed = [...others].map(([name, theirs]) => {
    const ratio = bar.kind === "ratio" ? (bar.against[name] ?? 0) : bar.value;
    return advantage(measure, ours, theirs) >= ratio;
  });
  return needed.every((met) => met);
}

/** One row a measure: each subject's median, our advantage over each other, and whether the bar is met. */
function rowsOf(
  scenario: Scenario,
  samples: readonly Map<string, number[]>[],
  names: readonly string[],
): string[] {
  const [own = "", ...others] = names;
  return scenario.measures.map((measure, index) => {
    const medians = new Map([...(samples[index] ?? [])].map(([name, values]) => [name, median(values)]));
    const ours = medians.get(own) ?? Number.NaN;
    const figures = names.map((name) => show(medians.get(name), measure.digits));
    const theirs = new Map([...medians].filter(([name]) => name !== own));
    const ratios = others.map((name) => show(advantage(measure, ours, theirs.get(name) ?? Number.NaN), 2));
    const bar =
      measure.bar === undefined
        ? ""
        : `${showBar(measure.bar)}: ${isMet(measure, ours, theirs) ? "met" : "**missed**"}`;
    return `| ${[`${measure.name}, ${measure.unit}`, ...figures, ...ratios, bar].join(" | ")} |`;
  });
}

export function renderTables(
  scenarios: readonly Scenario[],
  samples: Samples,
  names: readonly string[],
): string {
  const headings = ["", ...names, ...names.slice(1).map((name) => `× ${name}`), "bar"];
  const separator = headings.map((_, index) =>
    index === 0 || index === headings.length - 1 ? "---" : "---:",
  );
  return scenarios
    .map((scenario) => {
      const rows = rowsOf(scenario, samples.get(scenario.title) ?? [], names);
      const table = [`| ${headings.join(" | ")} |`, `| ${separator.join(" | ")} |`, ...rows].join("\n");
      return `### ${scenario.title}\n\n${scenario.how}.\n\n${table}\n`;
    })
    .join("\n");
}
