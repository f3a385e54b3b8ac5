import { Options, parseOptions } from "../../server/library.ts";
import { type ParsedArguments, UsageError } from "../command.ts";
import { suggestion } from "../nearest.ts";
import { parseSize } from "../size.ts";
import { type FindingKind, findingKinds } from "./finding.ts";

export interface CheckOptions {
  /** Its root without a slash at the end. */
  server: Options;
  /** 0 for any size. */
  maxImageBytes: number;
  /** Where the site will be, as `https://example.org/`; undefined where absolute links are all taken for others'. */
  siteUrl: string | undefined;
  skipped: ReadonlySet<FindingKind>;
}

/** @param environment gives a variable's value, "" for one that is not set */
export function readCheckOptions(
  { options, positionals, handedOn }: ParsedArguments,
  environment: (name: string) => string,
): CheckOptions {
  const [folder, ...extra] = positionals;
  if (extra.length > 0)
    throw new UsageError(`one folder is checked, not ${positionals.length}: ${positionals.join(" ")}`);
  const server = parseOptions(
    folder === undefined ? handedOn : [...handedOn, "--root-dir", folder],
    environment,
  );
  if (server.error !== "") throw new UsageError(server.error);
  server.command = "check";
  const isUnnamed = server.rootDirectory === new Options().rootDirectory;
  server.rootDirectory = isUnnamed ? "." : server.rootDirectory.replace(/(?<=.)\/+$/, "");
  return {
    server,
    maxImageBytes: readSize(String(options["max-image-size"] ?? "1MB")),
    siteUrl: readUrl(options["site-url"] as string | undefined),
    skipped: readKinds(String(options["skip"] ?? "")),
  };
}

function readSize(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined) throw new UsageError(`--max-image-size ${text} is no size such as 500kB or 2MB`);
  return bytes;
}

function readUrl(text: string | undefined): string | undefined {
  const url = text === undefined ? undefined : URL.parse(text);
  if (text !== undefined && !/^https?:$/.test(url?.protocol ?? ""))
    throw new UsageError(`--site-url ${text} is no address such as https://example.org`);
  return url?.href;
}

function readKinds(text: string): Set<FindingKind> {
  const known = Object.keys(findingKinds);
  const kinds = text.split(",").map((kind) => kind.trim());
  for (const kind of kinds) {
    if (kind === "" || known.includes(kind)) continue;
    throw new UsageError(
      `--skip ${kind}: no such kind.${suggestion(kind, known)} The kinds are: ${known.join(", ")}`,
    );
  }
  return new Set(kinds.filter((kind) => kind !== "") as FindingKind[]);
}
