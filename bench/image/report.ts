/** bench/image.md, as --write leaves it. */
import { describeMachine } from "../machine.ts";
import type { SiteSize } from "./site.ts";

export interface ImageFigure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The bar. */
  readonly atMost?: number;
}

export function renderImageTable(figures: readonly ImageFigure[]): string {
  const rows = figures.map(({ name, value, unit, atMost }) => {
    const shown = unit === "MB" ? value.toFixed(0) : value.toFixed(2);
    const bar =
      atMost === undefined ? "" : `≤ ${Number(atMost.toFixed(2))}: ${value <= atMost ? "met" : "**missed**"}`;
    return `| ${name} | ${shown}${unit === "" ? "" : ` ${unit}`} | ${bar} |`;
  });
  return ["| | measured | bar |", "| --- | ---: | --- |", ...rows, ""].join("\n");
}

export function renderImageReport(
  figures: readonly ImageFigure[],
  { files, totalBytes, turns }: SiteSize & { turns: number },
): string {
  return `# From a folder to a registry, measured

Written by \`npm run bench:image -- --write\` on ${new Date().toISOString().slice(0, 10)}.

- Machine: ${describeMachine()}; Node ${process.version}
- A site of ${(totalBytes / 1_000_000).toFixed(0)} MB in ${files.toLocaleString("en")} files: 60 % of them pages with 40 % of the bytes, the rest pictures that cannot be compressed.
- The registry is Debian's docker-registry on this machine, over loopback. Docker builds \`FROM\` the base image with \`COPY . ./\`, by BuildKit.
- Medians of ${turns} turns, in each of which both push the same site, one after the other: first one that neither has seen, then the same with one page edited, when both have what they remember of it.
- Times are from the command's start to its end. Memory is the highest that the kernel has seen resident (VmHWM), of all turns; 1 MB = 1,000,000 bytes.

## To repeat it

\`\`\`sh
npm ci && npm run build && npm run build:native
npm run bench:image -- --quick     # a small site, to see that all works
npm run bench:image -- --write     # some minutes, into this file
\`\`\`

## Figures

${renderImageTable(figures)}`;
}
