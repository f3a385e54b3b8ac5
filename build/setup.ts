/** Brings a Debian machine to what the build and the tests need, or says what is missing. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { type DebianPackage, debianPackages } from "./debian.ts";

export interface Setup {
  installed: readonly DebianPackage[];
  missing: readonly DebianPackage[];
  /** Why the missing ones could not be installed, and how to get them; undefined when nothing is missing. */
  problem: string | undefined;
}

/** A package's daemon would be found in /usr/sbin, which is not on every user's PATH. */
const searchPath = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];

export function isOnPath(command: string): boolean {
  return searchPath.some((folder) => isExecutable(join(folder, command)));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function missingPackages(): DebianPackage[] {
  return debianPackages.filter(
    ({ provides }) => !(isAbsolute(provides) ? existsSync(provides) : isOnPath(provides)),
  );
}

export function setUp(): Setup {
  const missing = missingPackages();
  if (missing.length === 0) return { installed: [], missing, problem: undefined };
  const names = missing.map(({ name }) => name).join(" ");
  const byHand = `apt-get install --no-install-recommends ${names}`;
  if (!isOnPath("apt-get")) {
    return {
      installed: [],
      missing,
      problem: `this machine has no apt-get; install what ${names} is called here`,
    };
  }
  if (process.getuid?.() !== 0) return { installed: [], missing, problem: `run as root: ${byHand}` };
  const failure = withoutStartingServices(() => installPackages(missing));
  const stillMissing = missingPackages();
  const installed = missing.filter((wanted) => !stillMissing.includes(wanted));
  const problem =
    stillMissing.length === 0 ? undefined : `${failure ?? "apt-get ended well"}; try: ${byHand}`;
  return { installed, missing: stillMissing, problem };
}

/** Undefined on success, otherwise the end of what apt-get said. */
function installPackages(packages: readonly DebianPackage[]): string | undefined {
  const names = packages.map(({ name }) => name);
  process.stdout.write(`Installing Debian packages: ${names.join(" ")}\n`);
  // A package list that cannot be refreshed may still be good enough, so only the installation decides.
  aptGet(["update"]);
  const all = aptGet(["install", "--yes", "--no-install-recommends", ...names]);
  if (all === undefined) return undefined;
  // One package that cannot be had must not keep the others away.
  const failures = names.map((name) => aptGet(["install", "--yes", "--no-install-recommends", name]));
  return failures.find((failure) => failure !== undefined);
}

function aptGet(args: readonly string[]): string | undefined {
  const quiet = ["-q", "-o", "DPkg::Lock::Timeout=300"];
  const child = spawnSync("apt-get", [...quiet, ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", NEEDRESTART_MODE: "l" },
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (child.status === 0) return undefined;
  const said = `${child.stdout ?? ""}${child.stderr ?? ""}${child.error?.message ?? ""}`.trim();
  return `apt-get ${args[0]} failed:\n${said.split("\n").slice(-8).join("\n")}`;
}

/**
 * Debian starts a daemon when its package is installed, and fails the installation when it does not come up, as in
 * most containers. invoke-rc.d asks this file first; 101 means "not allowed". The tests start what they need themselves.
 */
function withoutStartingServices<Result>(work: () => Result): Result {
  const policy = "/usr/sbin/policy-rc.d";
  if (existsSync(policy)) return work();
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    return work();
  } finally {
    rmSync(policy, { force: true });
  }
}
