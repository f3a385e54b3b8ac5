import { UsageError } from "./command.ts";
import { CommandError } from "./exit-status.ts";
import { run } from "./run.ts";

try {
  const outcome = await run(process.argv.slice(2));
  if (outcome !== "started") process.exitCode = outcome;
} catch (error) {
  if (error instanceof UsageError) process.exitCode = 2;
  else if (error instanceof CommandError) process.exitCode = error.status;
  else if (isSystemError(error)) process.exitCode = 1;
  else throw error;
  process.stderr.write(`statigo: ${error.message}\n`);
}

/** A refusal of the operating system, whose message already names the path: a stack would only hide it. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error;
}
