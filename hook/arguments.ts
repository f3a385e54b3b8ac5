import { parseArgs } from "node:util";

export const usage = `statigo-hook: deploys what a webhook says was pushed

Usage: hook.js [run] [--config FILE]
       hook.js check [--config FILE] [--offline] [--json]
       hook.js url SERVICE [--config FILE] [--base URL]
       hook.js secret new [--sha256 | --signing]
       hook.js token new [--sha256]

  run             listen for webhooks and deploy (also without this word)
  check           check the configuration, and ask every target and notifier whether it could do its work, without
                  changing anything: status 0 when all is well, 1 when something is not, 2 when the configuration is wrong
  url             print the URLs that a sender of webhooks for a service is given
  secret new      print a new secret for a webhook URL
  token new       print a new token for the API or for the metrics

  --config FILE   the configuration, in YAML (default: hook.yaml)
  --offline       check: only the configuration (also: --check without \`check\`)
  --json          check: what was found as JSON
  --base URL      url: the public address of the hook (default: the configuration's publicUrl)
  --sha256        new: print its hash too, which is all that the configuration needs: { sha256: … }
  --signing       secret new: a key for signatures instead, for \`webhook.signing\`
  --help          show this text
  --version       show the version

Signals: SIGTERM and SIGINT finish what is being deployed within \`deployments.grace\`, or leave it to the next start.
SIGHUP loads the configuration again; one that is not good is refused, and the one before stays.
SIGHUP loads the configuration again; a wrong one is reported, and the old one is kept.
`;

export type SecretKind = "url" | "signing" | "token";

export type Arguments =
  | { kind: "run"; config: string }
  | { kind: "check"; config: string; offline: boolean; json: boolean }
  | { kind: "url"; config: string; service: string; base: string | undefined }
  | { kind: "new"; secret: SecretKind; sha256: boolean }
  | { kind: "help" }
  | { kind: "version" }
  | { kind: "wrong"; problem: string };

const modes = new Map<string, (args: string[]) => Arguments>([
  ["run", parseRun],
  ["check", parseCheck],
  ["url", parseUrl],
  ["secret", (args) => parseNew(args, "secret")],
  ["token", (args) => parseNew(args, "token")],
]);

/** The first word says what to do; without one, the hook runs. */
export function parseArguments(args: readonly string[]): Arguments {
  const [first, ...rest] = args;
  const hasMode = first !== undefined && !first.startsWith("-");
  const parse = modes.get(hasMode ? first : "run");
  if (parse === undefined) return wrong(`'${first}' is none of ${[...modes.keys()].join(", ")}`);
  try {
    return asksForWords(args) ?? parse(hasMode ? rest : [...args]);
  } catch (error) {
    return wrong((error as Error).message);
  }
}

function asksForWords(args: readonly string[]): Arguments | undefined {
  if (args.includes("--help") || args.includes("-h")) return { kind: "help" };
  return args.includes("--version") ? { kind: "version" } : undefined;
}

const config = { type: "string", short: "c", default: "hook.yaml" } as const;
const flag = { type: "boolean", default: false } as const;

function parseRun(args: string[]): Arguments {
  const { values } = parseArgs({ args, options: { config, check: flag } });
  if (values.check) return { kind: "check", config: values.config, offline: true, json: false };
  return { kind: "run", config: values.config };
}

function parseCheck(args: string[]): Arguments {
  const { values } = parseArgs({ args, options: { config, offline: flag, json: flag } });
  return { kind: "check", ...values };
}

function parseUrl(args: string[]): Arguments {
  const options = { config, base: { type: "string" } } as const;
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const [service, ...more] = positionals;
  if (service === undefined || more.length > 0) return wrong("url needs one service: url SERVICE");
  if (values.base !== undefined && !/^https?:\/\/[^/?#\s]+/.test(values.base))
    return wrong(`--base ${values.base} is not an address such as https://hook.example.org`);
  return { kind: "url", config: values.config, service, base: values.base };
}

function parseNew(args: string[], word: "secret" | "token"): Arguments {
  const options = { sha256: flag, ...(word === "secret" && { signing: flag }) } as const;
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  if (positionals.length !== 1 || positionals[0] !== "new")
    return wrong(`${word} goes with new: ${word} new`);
  const isSigning = "signing" in values && values.signing === true;
  if (isSigning && values.sha256)
    return wrong(
      "--signing and --sha256 do not go together: to check signatures, the hook needs the key itself",
    );
  return {
    kind: "new",
    secret: isSigning ? "signing" : word === "token" ? "token" : "url",
    sha256: values.sha256,
  };
}

function wrong(problem: string): Arguments {
  return { kind: "wrong", problem };
}
