#!/usr/bin/env node
/** Looks at the Node that runs it before anything is loaded: an older one would end in a trace about what it lacks. */
const neededMajor = 24;
const { node } = process.versions;

if (Number.parseInt(node, 10) >= neededMajor) await import("./command-line.ts");
else {
  process.stderr.write(
    `statigo: this is Node ${node}, and statigo needs Node ${neededMajor} or newer; in its own folder \`npx node\` is one\n`,
  );
  process.exitCode = 2;
}
