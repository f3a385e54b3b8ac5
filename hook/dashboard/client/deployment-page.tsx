import { approveAction, cancelAction } from "./action.ts";
import { ActionButton } from "./action-button.tsx";
import type { DeploymentDetails, SetUp, Transition } from "./answers.ts";
import { changes, nowMs, siteOf } from "./data.ts";
import { formatAgo, formatDuration, formatTime } from "./format.ts";
import { useLoaded } from "./loaded.ts";
import { Log } from "./log.tsx";
import { PastMark, StateMark } from "./marks.tsx";
import { deploymentLink, serviceLink } from "./read-route.ts";
import { Again } from "./timeline.tsx";
import { useTitle } from "./title.ts";
import { describeCause, isOver, stateWords, waitWords } from "./wording.ts";

export function DeploymentPage({ id }: { id: number }) {
  const all = [...changes.value.values()].reduce((sum, one) => sum + one, 0);
  const loaded = useLoaded<DeploymentDetails>(`deployments/${id}`, all).value;
  const heading = useTitle(`Deployment ${id}`);
  if (loaded === undefined)
    return (
      <h1 ref={heading} tabIndex={-1}>
        Deployment {id}
      </h1>
    );
  if (loaded instanceof Error) {
    return (
      <>
        <h1 ref={heading} tabIndex={-1}>
          Deployment {id}
        </h1>
        <p class="problem">{loaded.message}</p>
        <p>
          <a href="#/">All services</a>
        </p>
      </>
    );
  }
  return <Details heading={heading} deployment={loaded} />;
}

interface DetailsOptions {
  deployment: DeploymentDetails;
  heading: ReturnType<typeof useTitle>;
}

function Details({ deployment, heading }: DetailsOptions) {
  const { id, service, tag, state, reason, waitingFor } = deployment;
  return (
    <>
      <nav aria-label="Where this is" class="crumbs">
        <a href="#/">Services</a> <a href={serviceLink(service)}>{service}</a>
      </nav>
      <h1 ref={heading} tabIndex={-1}>
        <code>{tag}</code> of {service}
      </h1>
      <p class="outcome">
        <StateMark state={state} />{" "}
        <strong>
          {state === "waiting" && waitingFor !== null ? waitWords[waitingFor] : stateWords[state]}
        </strong>
        {reason !== null && <span>{reason}</span>}
      </p>
      <Buttons deployment={deployment} />
      <Facts deployment={deployment} />
      <Steps transitions={deployment.transitions} isOver={isOver(state)} />
      <Log id={id} />
    </>
  );
}

function Buttons({ deployment }: { deployment: DeploymentDetails }) {
  const site = siteOf(deployment.service);
  const { service: name } = deployment;
  const setUp = useLoaded<SetUp>(
    `services/${encodeURIComponent(name)}/set-up`,
    changes.value.get(name),
  ).value;
  if (site === undefined || setUp === undefined || setUp instanceof Error) return <div class="buttons" />;
  const { service } = site;
  const isWaitingForApproval = deployment.waitingFor === "approval";
  return (
    <div class="buttons">
      <ActionButton
        isPrimary
        label="Approve…"
        service={service.name}
        action={isWaitingForApproval ? approveAction(service, setUp, deployment, nowMs.value) : undefined}
      />
      {isOver(deployment.state) ? (
        <Again deployment={deployment} service={service} setUp={setUp} />
      ) : (
        <ActionButton label="Cancel…" service={service.name} action={cancelAction(deployment)} />
      )}
    </div>
  );
}

function Facts({ deployment }: { deployment: DeploymentDetails }) {
  const {
    image,
    digest,
    target,
    pusher,
    attempt,
    replaces,
    restores,
    approvedBy,
    rolledBackTo,
    acceptedAt,
    pushedAt,
  } = deployment;
  const facts: [name: string, value: preact.ComponentChildren][] = [
    ["Why", describeCause(deployment)],
    ["When", `${formatTime(acceptedAt)}, ${formatAgo(acceptedAt, nowMs.value)}`],
    ["Image", image],
    ["Digest", digest === null ? "not known" : <code>{digest}</code>],
    ["Target", target],
    ...(pushedAt === null ? [] : [["Pushed", formatTime(pushedAt)] as [string, string]]),
    ...(pusher === null ? [] : [["Pusher", pusher] as [string, string]]),
    ...(approvedBy === null ? [] : [["Approved by", approvedBy] as [string, string]]),
    ...(attempt > 1 ? [["Attempts", String(attempt)] as [string, string]] : []),
    ...(rolledBackTo === null
      ? []
      : [["Runs again", <code key="tag">{rolledBackTo}</code>] as [string, preact.VNode]]),
    ...(replaces === null
      ? []
      : [["Replaced", <Other key="other" id={replaces} />] as [string, preact.VNode]]),
    ...(restores === null
      ? []
      : [["Brings again", <Other key="other" id={restores} />] as [string, preact.VNode]]),
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name} class={name === "Digest" ? "long" : undefined}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Other({ id }: { id: number }) {
  return <a href={deploymentLink(id)}>deployment {id}</a>;
}

/** Each step, and how long it took until the next one. */
function Steps({ transitions, isOver: isDone }: { transitions: readonly Transition[]; isOver: boolean }) {
  const ends = transitions.map((_, index) => transitions[index + 1]?.at);
  const lengths = transitions.map(({ at }, index) => {
    const end = ends[index] ?? (isDone ? at : new Date(nowMs.value).toISOString());
    return Math.max(0, Date.parse(end) - Date.parse(at));
  });
  const longest = Math.max(1, ...lengths);
  return (
    <section class="steps" aria-labelledby="steps-title">
      <h2 id="steps-title">Steps</h2>
      <ol>
        {transitions.map(({ id, state, at, reason, actor }, index) => (
          <li key={id}>
            {index === transitions.length - 1 ? <StateMark state={state} /> : <PastMark />}
            <span class="step">
              {stateWords[state]}
              {actor !== "hook" && <small> by {actor}</small>}
            </span>
            <time dateTime={at}>{formatTime(at)}</time>
            <span class="number">
              {isDone && index === transitions.length - 1 ? "" : formatDuration(lengths[index] ?? 0)}
            </span>
            <svg class="length" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
              <path d={`M0 2H${((100 * (lengths[index] ?? 0)) / longest).toFixed(1)}`} />
            </svg>
            {reason !== null && <small class="reason">{reason}</small>}
          </li>
        ))}
      </ol>
    </section>
  );
}
