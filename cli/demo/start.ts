/** `npm start`: a site from a template, our server and our hook on this machine, and a webhook to try. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DemoSetting, writeHookConfig } from "./hook-config.ts";
import { lastWords, type Part, startPart, stopPart, waitUntilReady } from "./part.ts";
import { currentLink, demoFolder, repository } from "./places.ts";
import { isFree, readPort } from "./port.ts";
import { release } from "./release.ts";
import { describeCurl, describePortInUse, describeStart, tagAt } from "./wording.ts";

const readyTimeoutMs = 30_000;
const parts: Part[] = [];
let isStopping = false;

async function start(): Promise<void> {
  const sitePort = readPort("PORT", 3000);
  const hookPort = readPort("HOOK_PORT", 4500);
  if (sitePort === hookPort)
    throw new Error(`PORT and HOOK_PORT are both ${sitePort}: give them different ones`);
  if (!(await isFree(sitePort))) throw new Error(describePortInUse("the site", sitePort, "PORT"));
  if (!(await isFree(hookPort))) throw new Error(describePortInUse("the hook", hookPort, "HOOK_PORT"));
  const tag = tagAt(new Date());
  release(tag, new Date());
  const addresses = { siteUrl: `http://127.0.0.1:${sitePort}`, hookUrl: `http://127.0.0.1:${hookPort}` };
  const setting = { siteUrl: addresses.siteUrl, secret: newSecret(), token: newSecret() };
  await Promise.all([
    startSite(sitePort, addresses.siteUrl),
    startHook(hookPort, addresses.hookUrl, setting),
  ]);
  if (isStopping) return;
  const curl = describeCurl(addresses.hookUrl, setting.secret);
  process.stdout.write(
    describeStart(
      { ...addresses, token: setting.token },
      tag,
      curl,
      parts.map(({ log }) => log),
    ),
  );
  announceReleases(tag, addresses.siteUrl);
}

function startSite(port: number, url: string): Promise<void> {
  const args = ["-root-dir", currentLink, "-listen-addr", `127.0.0.1:${port}`];
  return startAndWatch("server", args, `${url}/health`);
}

function newSecret(): string {
  return randomBytes(24).toString("base64url");
}

function startHook(port: number, url: string, setting: DemoSetting): Promise<void> {
  const config = join(demoFolder, "hook.yaml");
  // It holds the secrets, which are new at every start.
  writeFileSync(config, writeHookConfig(port, setting), { mode: 0o600 });
  return startAndWatch("hook", ["--config", config], `${url}/health`);
}

async function startAndWatch(name: "server" | "hook", args: string[], healthUrl: string): Promise<void> {
  const log = join(demoFolder, `${name}.log`);
  const part = startPart(name, join(repository, name, "main.ts"), args, demoFolder, log);
  parts.push(part);
  part.ended.then((how) => {
    if (!isStopping) fail(`the ${name} ended (${how}). Its last words, from ${log}:\n${lastWords(part)}`);
  });
  if (await waitUntilReady(part, healthUrl, readyTimeoutMs)) return;
  if (!isStopping)
    fail(`the ${name} did not answer ${healthUrl} within ${readyTimeoutMs / 1000} s; see ${log}`);
}

/** Says here, too, what the page shows, for whoever looks at this terminal. */
function announceReleases(first: string, siteUrl: string): void {
  let shown = first;
  setInterval(() => {
    const live = readFileSync(join(currentLink, "release.txt"), "utf8");
    if (live === shown || isStopping) return;
    shown = live;
    process.stdout.write(`${live} is live on ${siteUrl}\n`);
  }, 250).unref();
}

function fail(message: string): void {
  process.stderr.write(`statigo: ${message.trimEnd()}\n`);
  stop(1);
}

function stop(status: number): void {
  if (isStopping) return;
  isStopping = true;
  Promise.all(parts.map(stopPart)).then(() => process.exit(status));
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop(0));
mkdirSync(demoFolder, { recursive: true });
start().catch((error: Error) => fail(error.message));
