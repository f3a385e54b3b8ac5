/**
 * From command line and environment to options. The flags of statigo v8 (Go) work unchanged: one dash or two, `-name value`
 * or `-name=value`, booleans bare or `=true`/`=false` in the forms of Go's strconv.ParseBool.
 */
import { textAt } from "../text.ts";
import { findFlag, flags } from "./flags.ts";
import { checkOptions, nomadVariable } from "./option-check.ts";
import { Options } from "./options.ts";

/**
 * Reads environment and flags; the first thing that is wrong ends it, with the reason in `error`.
 * @param environment gives a variable's value, "" for one that is not set
 */
export function parseOptions(args: readonly string[], environment: (name: string) => string): Options {
  const options = new Options();
  const nomadPort = environment(nomadVariable);
  if (nomadPort !== "") {
    options.listenAddress = `:${nomadPort}`;
    options.sources.set("listen-addr", nomadVariable);
  }
  for (const flag of flags) flag.applyVariable(options, environment);
  let i = 0;
  while (i < args.length && options.error === "") {
    const argument = textAt(args, i);
    i++;
    if (argument === "--" && i === args.length) break;
    if (!argument.startsWith("-") || argument === "-" || argument === "--") {
      options.error = `"${argument}" is not a flag: the site's folder is given as --root-dir ${argument}`;
      break;
    }
    const body = argument.slice(argument.startsWith("--") ? 2 : 1);
    const equals = body.indexOf("=");
    const name = body === "h" ? "help" : equals < 0 ? body : body.slice(0, equals);
    const flag = findFlag(name);
    if (flag === null) options.error = `unknown flag --${name}: see --help`;
    else i += flag.read(options, equals >= 0, body.slice(equals + 1), args.slice(i));
  }
  if (options.error === "") options.error = checkOptions(options);
  return options;
}
