import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

export interface FreshSecret {
  secret: string;
  sha256: string;
}

/** `statigo hook secret new --sha256`, asked of this very program: what makes a secret good is the hook's matter. */
export async function makeSecret(): Promise<FreshSecret> {
  const program = process.argv[1];
  if (program === undefined) throw new Error("this process does not know what it runs");
  const args = [...process.execArgv, program, "hook", "secret", "new", "--sha256"];
  const { stdout } = await execute(process.execPath, args);
  const [secret, hash = ""] = stdout.split("\n");
  const sha256 = /[0-9a-f]{64}/.exec(hash)?.[0];
  if (secret === undefined || sha256 === undefined)
    throw new Error(`statigo hook secret new said: ${stdout}`);
  return { secret, sha256 };
}
