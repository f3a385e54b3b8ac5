import { parseArgs } from "node:util";

export const usage = `statigo-hook: deploys what a webhook says was pushed

Usage: hook.js --config FILE [--check]

  --config FILE   the configuration, in YAML (default: hook.yaml)
  --check         check the configuration and end: status 0 when it is good, 2 when not
  --help          show this text
  --version       show the version

Signals: SIGTERM and SIGINT finish what is being deployed within \`deployments.grace\`, or leave it to the next start.
`;

export type Arguments =
  | { kind: "run"; config: string }
  | { kind: "check"; config: string }
  | { kind: "help" }
  | { kind: "version" }
  | { kind: "wrong"; problem: string };

export function parseArguments(args: readonly string[]): Arguments {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        config: { type: "string", short: "c", default: "hook.yaml" },
        check: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        version: { type: "boolean", default: false },
      },
    });
    if (values.help) return { kind: "help" };
    if (values.version) return { kind: "version" };
    return { kind: values.check ? "check" : "run", config: values.config };
  } catch (error) {
    return { kind: "wrong", problem: (error as Error).message };
  }
}
