/**
 * `npm run build`: four self-contained ESM files, the templates and the licences of what is in them, in dist/.
 *
 *   dist/statigo.js   the server on Node      dist/hook.js   the deploy hook
 *   dist/cli*.js      the `statigo` command   dist/agent.js  what replaces containers on every machine (etcd)
 *   dist/templates    what `statigo init` copies   dist/THIRD-PARTY.txt
 *   dist/dashboard    the page that the hook serves
 *   dist/*.cdx.json   what others wrote: in all of it (sbom), in the hook's image, in its agent's
 */
import { chmodSync, cpSync, globSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { packedGitignore, renameEverywhere } from "../cli/templates.ts";
import { buildDashboard } from "./dashboard.ts";
import { bundledFiles, writeNotices } from "./notices.ts";
import { writePackageBill } from "./sbom.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");

/** Fastify, the Consul client and the tar reader are CommonJS and call `require` for Node's own modules; ESM has no `require`. */
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
    bundler.onResolve({ filter: /^\.\.\/hook\/agent\/main\.ts$/ }, () => ({
      path: "./agent.js",
      external: true,
    }));
    bundler.onResolve({ filter: /^\.\.\/server\/main\.ts$/ }, () => ({
      path: "./statigo.js",
      external: true,
    }));
  },
};

/** zod's messages in fifty languages, of which nobody could choose one: 300 kB. */
const englishOnly: Plugin = {
  name: "english-only",
  setup(bundler) {
    bundler.onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js";',
    }));
  },
};

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  minifySyntax: true,
  minifyWhitespace: true,
  // All are in THIRD-PARTY.txt. One letter of a name that is not ASCII made V8 hold the hook's source in two bytes a
  // character: 3 MB.
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
} as const satisfies BuildOptions;

/** What only some commands need is in files of their own, whose names change with their content. */
function removeFormerParts(): void {
  for (const name of globSync("cli-*.js", { cwd: dist })) rmSync(join(dist, name));
}

/** Resolves to the files that went into each bundle. */
async function bundleAll() {
  removeFormerParts();
  const [server, hook, agent, cli] = await Promise.all([
    build({ ...common, entryPoints: ["server/main.ts"], outfile: "dist/statigo.js" }),
    build({
      ...common,
      entryPoints: ["hook/main.ts"],
      outfile: "dist/hook.js",
      plugins: [englishOnly],
      banner: { js: requireForCommonJs },
    }),
    build({
      ...common,
      entryPoints: ["hook/agent/main.ts"],
      outfile: "dist/agent.js",
      plugins: [englishOnly],
      banner: { js: requireForCommonJs },
    }),
    build({
      ...common,
      entryPoints: { cli: "cli/main.ts" },
      outdir: "dist",
      splitting: true,
      chunkNames: "cli-[name]-[hash]",
      banner: { js: requireForCommonJs },
      plugins: [processesStayBeside],
    }),
  ]);
  chmodSync(join(dist, "cli.js"), 0o755);
  return {
    hook: bundledFiles(hook.metafile),
    agent: bundledFiles(agent.metafile),
    others: [server, cli].flatMap(({ metafile }) => bundledFiles(metafile)),
  };
}

function copyTemplates(): void {
  const target = join(dist, "templates");
  rmSync(target, { recursive: true, force: true });
  cpSync(join(root, "templates"), target, { recursive: true });
  renameEverywhere(target, ".gitignore", packedGitignore);
}

const [{ hook, agent, others }, dashboard] = await Promise.all([bundleAll(), buildDashboard()]);
const all = [...hook, ...agent, ...others, ...dashboard];
writeNotices(root, all, join(dist, "THIRD-PARTY.txt"));
writePackageBill(root, "statigo", all, join(dist, "sbom.cdx.json"));
writePackageBill(root, "statigo-hook", [...hook, ...dashboard], join(dist, "hook.cdx.json"));
writePackageBill(root, "statigo-agent", agent, join(dist, "agent.cdx.json"));
copyTemplates();
