import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A generator of sites, and what a site made with it is known by. */
export interface Generator {
  name: string;
  title: string;
  /** Which of the files in `dockerfile/` builds it; without one, only `statigo image build` can. */
  dockerfile?: string;
  /** npm packages one of which the site's package.json names; or else */
  dependencies?: string[];
  /** files one of which the site has. */
  files?: string[];
  /** The script of package.json that builds it, where that is not `build`. */
  script?: string;
  /** What builds it, where that is no script of package.json. */
  command?: string;
  /** Where the build writes the site; `nested` is a folder that all of it may lie in. */
  output: string;
  nested?: string;
  /** Variables of the server that such a site needs wherever it is served, and a sentence that says why. */
  environment?: Readonly<Record<string, string>>;
  because?: string;
}

export interface PackageManager {
  /** Its lock file; "" for the one of a site that has none. */
  lock: string;
  /** What puts it into an image, and onto a machine that has Node alone. */
  prepare?: string;
  install: string;
  run: string;
}

export interface Registry {
  name: string;
  title: string;
  /** A regular expression of its hosts; a group `region` in it is that for logging in. */
  host: string;
  image: string;
  /** How a CI logs in, where that is not by name and password. */
  login?: Record<string, string>;
  /** Where its webhooks are set. */
  webhook: string;
}

export interface Ci {
  name: string;
  title: string;
  file: string;
  to: string;
  /** Which of the logins are written in its language. */
  login: string;
  /** The registry that goes with it. */
  registry: string;
  runner?: string;
}

export interface Login {
  secrets: string[];
  permissions?: string[];
}

export interface Engine {
  name: string;
  title: string;
  /** Where the hook keeps its records, when it is not beside its config. */
  store?: string;
  /** Parts, by the file that each becomes. */
  files: Record<string, string>;
}

export interface Parts {
  generators: Generator[];
  packageManagers: PackageManager[];
  registries: Registry[];
  ci: Ci[];
  logins: Record<string, Record<string, Login>>;
  engines: Engine[];
  /** The text of a part. */
  read(path: string): string;
}

/** The data in `templates/_parts`, which docs/templates.md describes. */
export function readParts(templatesFolder: string): Parts {
  const read = (path: string) => readFileSync(join(templatesFolder, "_parts", path), "utf8");
  return {
    generators: JSON.parse(read("generators.json")),
    packageManagers: JSON.parse(read("package-managers.json")),
    registries: JSON.parse(read("registries.json")),
    ci: JSON.parse(read("ci.json")),
    logins: JSON.parse(read("logins.json")),
    engines: JSON.parse(read("engines.json")),
    read,
  };
}
