import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Charts } from "./charts.tsx";
import { marksShown, nowMs, type Site, sites } from "./data.ts";
import { formatAgo, formatBytes, formatCount } from "./format.ts";
import { ConditionMark, Legend, Sparkline, Strip } from "./marks.tsx";
import { serviceLink } from "./read-route.ts";
import { matches } from "./search.ts";
import { useTitle } from "./title.ts";
import {
  conditionOf,
  conditionWords,
  describeAll,
  describeHold,
  describeNeed,
  needsSomebody,
} from "./wording.ts";

interface Filter {
  name: string;
  takes(site: Site): boolean;
}

const filters: readonly Filter[] = [
  { name: "All", takes: () => true },
  { name: "Need somebody", takes: needsSomebody },
  { name: "Under way", takes: (site) => conditionOf(site) === "deploying" || site.service.next !== null },
  { name: "Held", takes: ({ service }) => service.state !== "active" },
];

// They outlive the page: whoever comes back from a service finds the list as it was.
const search = signal("");
const chosen = signal("All");

export function Overview() {
  const heading = useTitle("Services");
  const all = sites.value;
  const filter = filters.find(({ name }) => name === chosen.value);
  const shown = all.filter((site) => matches(site.service, search.value) && filter?.takes(site) !== false);
  const isShown = new Set(shown);
  const drawn = useGrowing(all.length);
  return (
    <>
      <h1 ref={heading} tabIndex={-1} class="sentence">
        {describeAll(all)}
      </h1>
      <Needs all={all} />
      <div class="tools">
        <input
          type="search"
          aria-label="Search services"
          placeholder="Search a name, an image, a tag"
          value={search.value}
          onInput={({ currentTarget }) => {
            search.value = currentTarget.value;
          }}
        />
        <fieldset class="filters" aria-label="Show">
          {filters.map(({ name, takes }) => (
            <button
              key={name}
              type="button"
              aria-pressed={name === chosen.value}
              onClick={() => {
                chosen.value = name;
              }}
            >
              {name} <span class="count">{all.filter(takes).length}</span>
            </button>
          ))}
        </fieldset>
      </div>
      <p class="quiet" role="status">
        {shown.length === all.length
          ? formatCount(all.length, "service")
          : `${shown.length} of ${formatCount(all.length, "service")}`}
      </p>
      <ul class="sites">
        {all.slice(0, drawn).map((site) => (
          <Row key={site.service.name} site={site} isHidden={!isShown.has(site)} />
        ))}
      </ul>
      {shown.length === 0 && <p class="empty">Nothing like that. Search for less, or show all.</p>}
      <Legend />
      <Charts />
    </>
  );
}

const rowsAFrame = 25;

/**
 * How many rows are drawn: those that are seen first, then more with each frame, so that none takes long. What is
 * filtered out is hidden and not taken away, for the same reason: two hundred rows are not made again for a letter.
 */
function useGrowing(length: number): number {
  const drawn = useSignal(rowsAFrame);
  useEffect(() => {
    if (drawn.value >= length) return;
    const frame = requestAnimationFrame(() => {
      drawn.value += rowsAFrame;
    });
    return () => cancelAnimationFrame(frame);
  }, [drawn.value, length]);
  return drawn.value;
}

const needsShown = 3;

/** By name, as long as they are few. The line is always there: what comes and goes in it moves nothing below. */
function Needs({ all }: { all: readonly Site[] }) {
  const troubled = all.filter(needsSomebody);
  if (troubled.length === 0 || troubled.length > needsShown) return <div class="needs" />;
  return (
    <ul class="needs">
      {troubled.map((site) => (
        <li key={site.service.name}>
          <a href={serviceLink(site.service.name)}>{site.service.name}</a>
          {describeNeed(site).startsWith(":") ? "" : " "}
          {describeNeed(site)}
        </li>
      ))}
    </ul>
  );
}

function Row({ site, isHidden }: { site: Site; isHidden: boolean }) {
  const { service, recent, running } = site;
  const { name, image, release } = service;
  const condition = conditionOf(site);
  const bytes = running?.imageBytes ?? null;
  const hold = describeHold(service);
  return (
    <li class="site" hidden={isHidden}>
      <span class="condition">
        <ConditionMark condition={condition} />
      </span>
      <span class="name">
        <a href={serviceLink(name)}>{name}</a>
        {hold === "" ? <small>{image}</small> : <small class="hold">{hold}</small>}
      </span>
      <span class="release">
        {release === null ? <span class="quiet">–</span> : <code>{release.tag}</code>}
        <small>
          {release === null ? conditionWords.nothing : `live ${formatAgo(release.since, nowMs.value)}`}
          {condition !== "healthy" && condition !== "nothing" && ` · ${conditionWords[condition]}`}
        </small>
      </span>
      <Strip recent={recent} length={marksShown} />
      <Sparkline recent={recent} />
      <span class="size number">{bytes === null ? "" : formatBytes(bytes)}</span>
    </li>
  );
}
