/** Who wants to know how far long work is; the command line draws it, the hook does not ask. */
export interface Progress {
  begin(what: string, totalBytes: number): ProgressStep;
}

export interface ProgressStep {
  add(sizeBytes: number): void;
  /** What was done, once it is done. */
  end(outcome: string): void;
}

export const noProgress: Progress = { begin: () => ({ add: () => {}, end: () => {} }) };
