/** What a scenario is, and the figures that it gives. */
import type { RunningServer } from "./server.ts";
import type { Sites } from "./sites.ts";
import type { Setting, Subject } from "./subjects.ts";

export interface Measure {
  readonly name: string;
  readonly unit: string;
  readonly better: "more" | "less";
  readonly digits: number;
  /** What we want of our own figure. */
  readonly bar?: Bar;
}

export type Bar =
  | { readonly kind: "at most" | "at least"; readonly value: number }
  /** Of another server's figure. */
  | { readonly kind: "ratio"; readonly against: Readonly<Record<string, number>> }
  | { readonly kind: "ratio to the better"; readonly value: number };

export interface Context {
  readonly seconds: number;
  readonly sites: Sites;
  /** Starts the subject in a folder of its own; stopped after the scenario's turn. */
  start(setting?: Partial<Omit<Setting, "port">>, waits?: boolean): Promise<RunningServer>;
  readonly workFolder: string;
  readonly subject: Subject;
}

export interface Scenario {
  readonly title: string;
  /** A line about how it is measured, for the report. */
  readonly how: string;
  readonly measures: readonly Measure[];
  /** Makes what it serves, before any turn. */
  prepare?(sites: Sites): void;
  /** One figure for each measure, in their order. */
  run(context: Context): Promise<readonly number[]>;
}
