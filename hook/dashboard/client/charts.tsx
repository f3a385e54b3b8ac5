import type { Day, Statistics } from "./answers.ts";
import { chartSize, drawBars, drawLine, peakOf, rateOf, totalOf } from "./chart-geometry.ts";
import { changes } from "./data.ts";
import { formatDuration } from "./format.ts";
import { useLoaded } from "./loaded.ts";

const days = 30;
const viewBox = `0 0 ${chartSize.width} ${chartSize.height}`;

/** The last weeks of one service, or of all. */
export function Charts({ service }: { service?: string }) {
  const version = service === undefined ? changes.value : changes.value.get(service);
  const query = service === undefined ? "" : `&service=${encodeURIComponent(service)}`;
  const answer = useLoaded<Statistics>(`statistics?days=${days}${query}`, version).value;
  const statistics = answer instanceof Error ? undefined : answer;
  const tried = statistics && statistics.succeeded + statistics.failed + statistics.rolledBack;
  const rate = statistics?.successRate ?? null;
  const wait = statistics?.pushToLiveMs ?? null;
  const from = statistics?.days[0];
  return (
    <section class="charts" aria-labelledby="charts-title">
      <h2 id="charts-title">The last {days} days</h2>
      <Chart from={from} title="Deployments a day" figure={tried === undefined ? "" : tried.toLocaleString()}>
        {statistics && <Bars days={statistics.days} />}
      </Chart>
      <Chart
        from={from}
        title="Success rate"
        figure={rate === null ? "–" : `${Math.floor(rate * 1000) / 10} %`}
      >
        {statistics && (
          <Line
            days={statistics.days}
            read={rateOf}
            format={(value) => `${Math.round(value * 100)} %`}
            top={1}
          />
        )}
      </Chart>
      <Chart
        from={from}
        title="From push to live"
        figure={wait === null ? "–" : `${formatDuration(wait)} median`}
      >
        {statistics && (
          <Line days={statistics.days} read={({ pushToLiveMs }) => pushToLiveMs} format={formatDuration} />
        )}
      </Chart>
    </section>
  );
}

interface ChartOptions {
  title: string;
  /** Of all the days together. */
  figure: string;
  from: Day | undefined;
  children: preact.ComponentChildren;
}

function Chart({ title, figure, from, children }: ChartOptions) {
  return (
    <figure class="chart">
      <figcaption>
        {title} <strong>{figure}</strong>
      </figcaption>
      <div class="plot">{children}</div>
      <div class="scale" aria-hidden="true">
        <span>{from?.day ?? "\u00a0"}</span>
        <span>today</span>
      </div>
    </figure>
  );
}

/** Well below and filled, not well above and hollow. */
function Bars({ days: all }: { days: readonly Day[] }) {
  const { good, bad } = drawBars(all);
  const peak = peakOf(all);
  const label = peak === undefined ? "nothing yet" : `at most ${totalOf(peak)}, on ${peak.day}`;
  return (
    <svg viewBox={viewBox} preserveAspectRatio="none" role="img" aria-label={label}>
      <path class="bars good" d={good} />
      <path class="bars bad" d={bad} />
    </svg>
  );
}

interface LineOptions {
  days: readonly Day[];
  read(day: Day): number | null;
  format(value: number): string;
  /** Of the scale; the greatest value when left out. */
  top?: number;
}

function Line({ days: all, read, format, top }: LineOptions) {
  const { line, dots, range } = drawLine(all.map(read), top);
  const label = range === undefined ? "nothing yet" : `between ${format(range[0])} and ${format(range[1])}`;
  return (
    <svg viewBox={viewBox} preserveAspectRatio="none" role="img" aria-label={label}>
      {range !== undefined && <path class="line" d={line} />}
      <path class="dot" d={dots} />
    </svg>
  );
}
