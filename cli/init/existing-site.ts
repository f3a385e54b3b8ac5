import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../command.ts";
import type { Generator, PackageManager, Parts } from "./parts.ts";

/** A site that was there before, as far as its image has to know it. */
export interface ExistingSite {
  generator: Generator;
  packageManager: PackageManager;
  /** The files that the installation of packages needs. */
  manifests: string[];
  script: string;
  output: string;
}

interface PackageJson {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  scripts?: Record<string, string>;
}

/** Settings of package managers, which a site's lock file may depend on. */
const packageSettings = [".npmrc", ".yarnrc.yml", "pnpm-workspace.yaml"];

/** What makes the site in a folder, or undefined when nothing there is known: the first of the generators that fits. */
export function findSite(folder: string, parts: Parts): ExistingSite | undefined {
  const packageJson = readPackageJson(folder);
  const packages = { ...packageJson?.dependencies, ...packageJson?.devDependencies };
  const has = (file: string) => existsSync(join(folder, file));
  const generator = parts.generators.find(
    ({ dependencies = [], files = [] }) => dependencies.some((name) => name in packages) || files.some(has),
  );
  if (generator === undefined) return undefined;
  const packageManager = findPackageManager(folder, parts);
  const { nested } = generator;
  const isNested = nested !== undefined && has(join(nested, generator.output.split("/")[0] ?? ""));
  return {
    generator,
    packageManager,
    manifests: ["package.json", packageManager.lock, ...packageSettings.filter(has)].filter(
      (name) => name !== "",
    ),
    script: buildScript(generator, packageJson?.scripts ?? {}),
    output: isNested ? `${nested}/${generator.output}` : generator.output,
  };
}

/** By its lock file. */
export function findPackageManager(folder: string, { packageManagers }: Parts): PackageManager {
  const found = packageManagers.find(({ lock }) => lock === "" || existsSync(join(folder, lock)));
  if (found === undefined) throw new Error("package-managers.json has none for a site without a lock file");
  return found;
}

/** `build`, or what is called like it: VitePress' own documentation has `docs:build`. */
function buildScript({ script }: Generator, scripts: Readonly<Record<string, string>>): string {
  const known = script ?? "build";
  if (Object.hasOwn(scripts, known)) return known;
  return Object.keys(scripts).find((name) => name.endsWith(":build")) ?? known;
}

export function readPackageJson(folder: string): PackageJson | undefined {
  const file = join(folder, "package.json");
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${(error as Error).message}`);
  }
}
