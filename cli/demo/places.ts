import { join, resolve } from "node:path";

export const repository = resolve(import.meta.dirname, "../..");
export const template = join(repository, "templates/mustache");

/** Where the demo keeps its files; the tests give it a folder of their own. */
export const demoFolder = resolve(repository, process.env["DEMO_FOLDER"] ?? ".demo");

/** The link that the server has as its root. */
export const currentLink = join(demoFolder, "current");
export const releasesFolder = join(demoFolder, "releases");
