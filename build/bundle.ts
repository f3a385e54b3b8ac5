/**
 * `npm run build`: three self-contained ESM files and the templates, in dist/.
 *
 *   dist/statigo.js   the server on Node      dist/hook.js   the deploy hook
 *   dist/cli.js       the `statigo` command   dist/templates what `statigo init` copies
 */
import { chmodSync, cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { packedGitignore, renameEverywhere } from "../cli/templates.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");

/** Fastify and the Consul client are CommonJS and call `require` for Node's own modules; ESM has no `require`. */
const requireForCommonJs =
  'import { createRequire as createRequireForBundle } from "node:module"; const require = createRequireForBundle(import.meta.url);';

/**
 * The hook and the server run as soon as they are imported, and Node warns when `node:sqlite` is loaded. So the CLI
 * does not contain them: it imports the bundle that lies beside it, and only when that command was asked for.
 */
const processesStayBeside: Plugin = {
  name: "processes-stay-beside",
  setup(bundler) {
    bundler.onResolve({ filter: /^\.\.\/hook\/main\.ts$/ }, () => ({ path: "./hook.js", external: true }));
    bundler.onResolve({ filter: /^\.\.\/server\/main\.ts$/ }, () => ({
      path: "./statigo.js",
      external: true,
    }));
  },
};

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "eof",
  logLevel: "warning",
};

async function bundleAll(): Promise<void> {
  await Promise.all([
    build({ ...common, entryPoints: ["server/main.ts"], outfile: "dist/statigo.js" }),
    build({
      ...common,
      entryPoints: ["hook/main.ts"],
      outfile: "dist/hook.js",
      banner: { js: requireForCommonJs },
    }),
    build({
      ...common,
      entryPoints: ["cli/main.ts"],
      outfile: "dist/cli.js",
      plugins: [processesStayBeside],
    }),
  ]);
  chmodSync(join(dist, "cli.js"), 0o755);
}

function copyTemplates(): void {
  const target = join(dist, "templates");
  rmSync(target, { recursive: true, force: true });
  cpSync(join(root, "templates"), target, { recursive: true });
  renameEverywhere(target, ".gitignore", packedGitignore);
}

await bundleAll();
copyTemplates();
