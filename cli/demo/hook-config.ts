import { stringify } from "yaml";
import { demoFolder, repository } from "./places.ts";

export const image = "example/site";

/** The hook's configuration for the demo: its one service renders the site again, through the command target. */
export function writeHookConfig(port: number, secret: string): string {
  return stringify({
    listen: `127.0.0.1:${port}`,
    store: "./hook.db",
    services: {
      example: {
        image,
        secret,
        tags: "^release-\\d{14}$",
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
