/** What an address of the site leads to: asked of the server's own code, without a request. */
import { readdirSync } from "node:fs";
import { findAnswer, Head, mixContent, type Options, Site } from "../../server/library.ts";

export type Destination =
  /** A file below the folder, with a slash at its beginning; a stand-in answers addresses that are not its own. */
  | { kind: "file"; path: string; isStandIn: boolean }
  | { kind: "missing" }
  | { kind: "elsewhere" }
  | { kind: "loop" }
  | { kind: "bad" };

/** As many redirects as browsers follow. */
const maxRedirects = 20;

export class Addresses {
  /** Every file below the folder that may be served, with a slash at its beginning. */
  readonly files: readonly string[];
  private readonly site: Site;
  private readonly options: Options;
  private readonly nowMs = Date.now();
  private readonly known = new Map<string, Destination>();
  private readonly byLowerCase: ReadonlyMap<string, string>;

  constructor(options: Options) {
    this.options = options;
    this.site = new Site(options, mixContent);
    this.files = listFiles(options.rootDirectory, options.serveHidden);
    this.byLowerCase = new Map(this.files.map((file) => [fold(file), file]));
  }

  /** @param path as it stands in a URL, percent-encoded, without query and fragment */
  find(path: string): Destination {
    const known = this.known.get(path);
    if (known !== undefined) return known;
    const found = this.follow(path);
    this.known.set(path, found);
    return found;
  }

  /** The address that was probably meant, where only the letters' case (or their Unicode form) is another. */
  findOtherCase(path: string): string | undefined {
    const decoded = decode(path);
    const plain = decoded.endsWith("/") ? decoded.slice(0, -1) : decoded;
    const index = this.options.indexFilename;
    for (const [ending, kept] of [
      ["", ""],
      [".html", ""],
      [`/${index}`, "/"],
    ] as const) {
      const file = this.byLowerCase.get(fold(plain + ending));
      if (file !== undefined) return encodeURI(file.slice(0, file.length - ending.length) + kept);
    }
    return undefined;
  }

  /** Whether a visitor with an address that is not there gets a page of the site, or what a rule has for all such. */
  hasNotFoundPage(): boolean {
    const { reply, representation } = this.ask("/there-is-no-such-page");
    return representation !== null || reply?.status !== 404;
  }

  private follow(start: string): Destination {
    let path = start;
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      if (path === this.options.healthUrl || (this.options.hasMetrics && path === this.options.metricsUrl))
        return { kind: "elsewhere" };
      const { reply, resource, status, fields } = this.ask(path);
      if (resource !== null)
        return status === 200
          ? { kind: "file", path: resource.path, isStandIn: fields !== null }
          : { kind: "missing" };
      const location = /^Location: (.*)\r\n/m.exec(reply?.fields ?? "")?.[1];
      if (location === undefined) return { kind: reply?.status === 400 ? "bad" : "missing" };
      if (!location.startsWith("/")) return { kind: "elsewhere" };
      path = location.replace(/[?#].*/, "");
    }
    return { kind: "loop" };
  }

  private ask(path: string) {
    const head = new Head();
    head.method = "GET";
    head.target = path;
    return findAnswer(head, this.site, this.nowMs);
  }
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Also é as one character and as two are the same here: macOS writes the one, people type the other. */
function fold(path: string): string {
  return path.normalize("NFC").toLowerCase();
}

function listFiles(folder: string, servesHidden: boolean): string[] {
  const files: string[] = [];
  const walk = (below: string): void => {
    for (const entry of readdirSync(folder + below, { withFileTypes: true })) {
      const path = `${below}/${entry.name}`;
      if (!servesHidden && entry.name.startsWith(".") && path !== "/.well-known") continue;
      if (entry.isDirectory()) walk(path);
      else if (path !== "/_headers" && path !== "/_redirects") files.push(path);
    }
  };
  walk("");
  return files.sort();
}
