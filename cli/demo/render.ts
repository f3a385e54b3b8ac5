/** What the demo's hook runs: renders the site of the tag that the webhook named, and swaps it in. */
import { release } from "./release.ts";

const tag = process.env["STATIGO_TAG"];
if (tag === undefined) throw new Error("STATIGO_TAG is not set: this program is started by the hook");
release(tag, new Date());
process.stdout.write(`rendered and switched to ${tag}\n`);
