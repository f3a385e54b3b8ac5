import { stringify } from "yaml";
import { demoFolder, repository } from "./places.ts";

export const image = "example/site";

export interface DemoSetting {
  siteUrl: string;
  /** The last part of the webhook's URL. */
  secret: string;
  /** What one signs in to the dashboard with. */
  token: string;
}

/** The hook's configuration for the demo: its one service renders the site again, through the command target. */
export function writeHookConfig(port: number, { secret, token, siteUrl }: DemoSetting): string {
  return stringify({
    listen: `127.0.0.1:${port}`,
    store: "./hook.db",
    api: { tokens: [{ name: "you", token, scopes: ["admin"] }] },
    services: {
      example: {
        image,
        secret,
        tags: "^release-\\d{14}$",
        verify: { url: `${siteUrl}/release.txt`, body: `\${tag}`, every: "250ms", timeout: "20s" },
        target: {
          command: {
            run: [
              process.execPath,
              "--import",
              import.meta.resolve("tsx"),
              `${repository}/cli/demo/render.ts`,
            ],
            environment: { DEMO_FOLDER: demoFolder },
            timeout: "60s",
          },
        },
      },
    },
  });
}
