/** The dashboard for tests: a hook with a past, and a browser that is signed in to it. */
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { fillHistory } from "./dashboard-history.ts";
import { secretOf, temporaryFolder } from "./hook.ts";

export const dashboardTokens = {
  read: "read-token-0123456789",
  deploy: "deploy-token-0123456789",
  admin: "admin-token-0123456789",
} as const;

export const fewServices = ["blog", "docs", "shop", "status", "landing", "handbook", "press"];

export interface DashboardConfig {
  services: readonly string[];
  /** The YAML of a target; of all that are not named, one that does nothing and has everything. */
  targets?: Readonly<Record<string, string>>;
  /** More lines of a service, at its place. */
  lines?: Readonly<Record<string, string>>;
  more?: string;
  port?: number;
}

/** Writes nothing and succeeds. */
const nothing = '{ command: { run: ["/bin/true"] } }';

export function dashboardConfig({
  services,
  targets = {},
  lines = {},
  more = "",
  port = 0,
}: DashboardConfig): string {
  const entries = services.map((name) =>
    [
      `  ${name}:`,
      `    image: acme/${name}`,
      `    secret: ${secretOf(name)}`,
      `    target: ${targets[name] ?? nothing}`,
      ...(lines[name] === undefined ? [] : [`    ${lines[name]}`]),
    ].join("\n"),
  );
  const tokens = Object.entries(dashboardTokens).map(
    ([name, token]) => `{ name: ${name === "admin" ? "anna" : name}, token: ${token}, scopes: [${name}] }`,
  );
  return [
    `listen: 127.0.0.1:${port}`,
    "store: ./hook.db",
    `api: { tokens: [${tokens.join(", ")}] }`,
    more,
    "services:",
    ...entries,
    "",
  ].join("\n");
}

/** A folder with a store that has a past. */
export function folderWithHistory(services: readonly string[], deployments: number): string {
  const folder = temporaryFolder();
  fillHistory(join(folder, "hook.db"), { services, deployments, nowMs: Date.now() });
  return folder;
}

export interface Visit {
  page: Page;
  context: BrowserContext;
  /** What went wrong in the page: errors, refused files, anything that its policy forbade. */
  complaints: string[];
}

export interface VisitOptions {
  width?: number;
  height?: number;
  theme?: "light" | "dark";
  token?: string;
}

/** Opens the dashboard and signs in as somebody would. */
export async function visit(browser: Browser, origin: string, options: VisitOptions = {}): Promise<Visit> {
  const { width = 1280, height = 900, theme = "light", token = dashboardTokens.admin } = options;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    reducedMotion: "reduce",
    locale: "en-GB",
    timezoneId: "UTC",
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // Of an answer that is a refusal the browser says so too; which of them are none is told by their addresses.
    const isAnswer = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isAnswer) complaints.push(message.text());
  });
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    const mayRefuse = pathname.startsWith("/api/") || pathname === "/dashboard/session";
    if (response.status() >= 400 && !mayRefuse) complaints.push(`${response.status()} ${pathname}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(origin)) complaints.push(`a request to ${request.url()}`);
  });
  await page.goto(`${origin}/dashboard/`);
  if (token !== "") await signInAs(page, token);
  return { page, context, complaints };
}

export async function signInAs(page: Page, token: string): Promise<void> {
  await page.getByLabel("API token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("list", { name: "What the marks mean" }).waitFor();
}
