import { useSignal } from "@preact/signals";
import { redeployAction, rollBackAction } from "./action.ts";
import { ActionButton } from "./action-button.tsx";
import type { Deployment, Service, SetUp } from "./answers.ts";
import { get } from "./api.ts";
import { changes, nowMs } from "./data.ts";
import { formatAgo, formatDuration, formatTime } from "./format.ts";
import { useLoaded } from "./loaded.ts";
import { StateMark } from "./marks.tsx";
import { deploymentLink } from "./read-route.ts";
import { describeCause, isOver, stateWords, tookMs, waitWords } from "./wording.ts";

interface ListPage {
  deployments: Deployment[];
  next: number | null;
}

const pageLength = 25;

export function Timeline({ service, setUp }: { service: Service; setUp: SetUp | undefined }) {
  const path = `deployments?service=${encodeURIComponent(service.name)}&limit=${pageLength}`;
  const newest = useLoaded<ListPage>(path, changes.value.get(service.name)).value;
  const older = useSignal<ListPage | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  if (newest === undefined) return <section class="timeline" aria-busy="true" />;
  if (newest instanceof Error) return <p class="problem">{newest.message}</p>;
  const oldestNew = newest.deployments.at(-1)?.id ?? 0;
  const shown = [
    ...newest.deployments,
    ...(older.value?.deployments ?? []).filter(({ id }) => id < oldestNew),
  ];
  const next = older.value === undefined ? newest.next : older.value.next;
  const loadMore = async () => {
    try {
      const page = await get<ListPage>(`${path}&before=${next}`);
      // Those of the first page too: newer ones push them off it.
      older.value = { deployments: [...shown, ...page.deployments], next: page.next };
    } catch (error) {
      problem.value = (error as Error).message;
    }
  };
  return (
    <section class="timeline" aria-labelledby="timeline-title">
      <h2 id="timeline-title">What happened</h2>
      {shown.length === 0 && <p class="empty">Nothing yet. The first webhook or deployment shows up here.</p>}
      <ol>
        {shown.map((deployment) => (
          <Entry key={deployment.id} deployment={deployment} service={service} setUp={setUp} />
        ))}
      </ol>
      <p class="problem" role="alert">
        {problem.value}
      </p>
      {next !== null && (
        <button type="button" onClick={() => void loadMore()}>
          Show older ones
        </button>
      )}
    </section>
  );
}

interface EntryOptions {
  deployment: Deployment;
  service: Service;
  setUp: SetUp | undefined;
}

function Entry({ deployment, service, setUp }: EntryOptions) {
  const { id, tag, state, reason, acceptedAt, waitingFor } = deployment;
  const took = tookMs(deployment);
  return (
    <li>
      <StateMark state={state} />
      <div class="what">
        <a href={deploymentLink(id)}>
          <code>{tag}</code>
        </a>{" "}
        <span>
          {state === "waiting" && waitingFor !== null ? waitWords[waitingFor] : stateWords[state]}
          {service.release?.deployment === id && <b class="live-now">live now</b>}
        </span>
        <small>{describeCause(deployment)}</small>
        {reason !== null && state !== "succeeded" && <small class="reason">{reason}</small>}
      </div>
      <div class="when">
        <time dateTime={acceptedAt} title={formatTime(acceptedAt)}>
          {formatAgo(acceptedAt, nowMs.value)}
        </time>
        <small class="number">{took === undefined ? "" : formatDuration(took)}</small>
      </div>
      <div class="buttons">
        {isOver(state) && <Again deployment={deployment} service={service} setUp={setUp} />}
      </div>
    </li>
  );
}

/** What was live once can come back, anything else can be tried again. */
export function Again({ deployment, service, setUp }: EntryOptions) {
  const { id, tag, digest, state } = deployment;
  if (setUp === undefined) return null;
  const canReturn = state === "succeeded" && service.release?.tag !== tag;
  return canReturn ? (
    <ActionButton
      label="Roll back…"
      service={service.name}
      action={rollBackAction(service, setUp, { tag, digest, deployment: id, isPrevious: false }, nowMs.value)}
    />
  ) : (
    <ActionButton
      label="Redeploy…"
      service={service.name}
      action={redeployAction(service, setUp, deployment, nowMs.value)}
    />
  );
}
