/** Chromium for tests: Debian's, driven by playwright-core. */
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

const executablePath = "/usr/bin/chromium";
const artefacts = resolve(import.meta.dirname, "../../.cache/artefacts");

/** Why a test that needs the browser cannot run, or false: to be given to `skip`. */
export const browserMissing: string | false = existsSync(executablePath)
  ? false
  : `${executablePath} is missing: apt-get install --no-install-recommends chromium`;

export function openBrowser(): Promise<Browser> {
  // Root has no sandbox, and a container's /dev/shm is too small for its pages.
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** Kept for whoever wants to see what a test saw. */
export async function keepScreenshot(page: Page, name: string, fullPage = false): Promise<void> {
  mkdirSync(artefacts, { recursive: true });
  await page.screenshot({ path: join(artefacts, `${name}.png`), fullPage });
}
