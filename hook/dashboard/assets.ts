import { existsSync } from "node:fs";
import { join } from "node:path";

/** Beside the bundled hook, and where `npm run build` and `npm start` put it for the hook that runs from source. */
const places = [join(import.meta.dirname, "dashboard"), join(import.meta.dirname, "../../dist/dashboard")];

/** The folder with the dashboard's page, or `undefined` when nobody has built it. */
export function findAssets(): string | undefined {
  return places.find((folder) => existsSync(join(folder, "index.html")));
}
