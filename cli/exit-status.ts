/** What the commands that ask a hook end with; docs/cli.md has the list for people. */
export const exitStatus = {
  done: 0,
  /** The deployment failed or was rolled back, or the hook refused what was asked. */
  failed: 1,
  wrongInput: 2,
  unreachable: 3,
  notAllowed: 4,
  /** `--timeout` was over first. */
  undecided: 5,
  /** Ctrl-C: 128 and the signal's number, as shells say it. */
  interrupted: 130,
} as const;

/** An error that is told in one line, with the status that the process ends with. */
export class CommandError extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}
