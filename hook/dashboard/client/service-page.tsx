import {
  approveAction,
  cancelAction,
  deployAction,
  freezeAction,
  pauseAction,
  resumeAction,
  rollBackAction,
  unfreezeAction,
} from "./action.ts";
import { ActionButton } from "./action-button.tsx";
import type { Deployment, Service, SetUp } from "./answers.ts";
import { Charts } from "./charts.tsx";
import { changes, nowMs, type Site, siteOf } from "./data.ts";
import { formatAgo, formatBytes, formatTime, shortDigest } from "./format.ts";
import { useLoaded } from "./loaded.ts";
import { Log } from "./log.tsx";
import { ConditionMark } from "./marks.tsx";
import { deploymentLink } from "./read-route.ts";
import { ServiceSetUp } from "./service-set-up.tsx";
import { Timeline } from "./timeline.tsx";
import { useTitle } from "./title.ts";
import { conditionOf, conditionWords, isOver, isUnderWay, stateWords, waitWords } from "./wording.ts";

export function ServicePage({ name }: { name: string }) {
  const heading = useTitle(name);
  const site = siteOf(name);
  const setUp = useLoaded<SetUp>(
    `services/${encodeURIComponent(name)}/set-up`,
    changes.value.get(name),
  ).value;
  if (site === undefined) {
    return (
      <>
        <h1 ref={heading} tabIndex={-1}>
          No service {name}
        </h1>
        <p>
          It is not in the hook's config, or not yours to see. <a href="#/">All services</a>
        </p>
      </>
    );
  }
  const known = setUp instanceof Error ? undefined : setUp;
  return (
    <>
      <nav aria-label="Where this is" class="crumbs">
        <a href="#/">Services</a>
      </nav>
      <h1 ref={heading} tabIndex={-1}>
        {name}
      </h1>
      <Now site={site} />
      <Hold service={site.service} />
      {/* All at once: what came one after the other would push on what is there already. */}
      {setUp !== undefined && (
        <>
          <Buttons service={site.service} setUp={known} />
          <Newest service={site.service} setUp={known} />
          <div class="columns">
            <Timeline service={site.service} setUp={known} />
            <div class="side">
              <Charts service={name} />
              {known && <ServiceSetUp service={name} setUp={known} />}
            </div>
          </div>
        </>
      )}
    </>
  );
}

function Now({ site }: { site: Site }) {
  const { service, running } = site;
  const { release, image, target } = service;
  const condition = conditionOf(site);
  const bytes = running?.imageBytes ?? null;
  return (
    <dl class="facts">
      <div>
        <dt>Release</dt>
        <dd>
          {release === null ? "none yet" : <code>{release.tag}</code>}
          <small title={release === null ? undefined : formatTime(release.since)}>
            {release !== null && `live ${formatAgo(release.since, nowMs.value)}`}
          </small>
        </dd>
      </div>
      <div>
        <dt>Health</dt>
        <dd>
          <ConditionMark condition={condition} /> {conditionWords[condition]}
          <small>{running?.healthDetail}</small>
        </dd>
      </div>
      <div>
        <dt>Image</dt>
        <dd>
          {image}
          <small>
            {[bytes === null ? undefined : formatBytes(bytes), release?.digest && shortDigest(release.digest)]
              .filter(Boolean)
              .join(" · ")}
          </small>
        </dd>
      </div>
      <div>
        <dt>Target</dt>
        <dd>{target}</dd>
      </div>
    </dl>
  );
}

function Hold({ service }: { service: Service }) {
  const { state, pausedAt, pausedBy, pausedReason, frozenUntil, frozenBy, frozenReason } = service;
  if (state === "active") return null;
  const isPaused = state === "paused";
  const since = pausedAt === null ? "" : `, ${formatAgo(pausedAt, nowMs.value)}`;
  const text = isPaused
    ? `Paused by ${pausedBy}${since}: nothing is deployed until it is resumed.`
    : `Frozen by ${frozenBy} until ${frozenUntil === null ? "" : formatTime(frozenUntil)}: only a rollback is deployed.`;
  const reason = isPaused ? pausedReason : frozenReason;
  return (
    <p class="notice">
      {text} {reason !== null && <q>{reason}</q>}
    </p>
  );
}

function Buttons({ service, setUp }: { service: Service; setUp: SetUp | undefined }) {
  const { name, state, frozenUntil } = service;
  const to = setUp?.rollsBackTo ?? null;
  const now = nowMs.value;
  return (
    <div class="buttons">
      <ActionButton
        isPrimary
        label="Deploy a tag…"
        service={name}
        action={setUp && deployAction(service, setUp, now)}
      />
      <ActionButton
        label="Roll back…"
        service={name}
        action={
          setUp && to !== null ? rollBackAction(service, setUp, { ...to, isPrevious: true }, now) : undefined
        }
      />
      {state === "paused" ? (
        <ActionButton label="Resume…" service={name} action={resumeAction(service)} />
      ) : (
        <ActionButton label="Pause…" service={name} action={pauseAction(service)} />
      )}
      {frozenUntil === null ? (
        <ActionButton label="Freeze…" service={name} action={freezeAction(service)} />
      ) : (
        <ActionButton label="End the freeze…" service={name} action={unfreezeAction(service)} />
      )}
    </div>
  );
}

/**
 * What is being deployed, or was the last to be, with its log as it comes, and what is next in line. Always there and
 * of one height, so that nothing moves when a deployment begins.
 */
function Newest({ service, setUp }: { service: Service; setUp: SetUp | undefined }) {
  const { last, next } = service;
  return (
    <section class="newest" aria-labelledby="newest-title">
      <h2 id="newest-title">{last !== null && isUnderWay(last.state) ? "Now" : "Last deployment"}</h2>
      {last === null ? (
        <p class="empty">Nothing has been deployed yet.</p>
      ) : (
        <>
          <Line deployment={last} words={stateWords[last.state]} />
          <Log key={last.id} id={last.id} />
        </>
      )}
      {next === null ? (
        <p class="line-of-now quiet">Nothing waits.</p>
      ) : (
        <Line deployment={next} words={waitWords[next.waitingFor ?? "turn"]}>
          {next.waitingFor === "approval" && (
            <ActionButton
              isPrimary
              label={`Approve ${next.tag}…`}
              service={service.name}
              action={setUp && approveAction(service, setUp, next, nowMs.value)}
            />
          )}
        </Line>
      )}
    </section>
  );
}

interface LineOptions {
  deployment: Deployment;
  words: string;
  children?: preact.ComponentChildren;
}

function Line({ deployment, words, children }: LineOptions) {
  const { id, tag, service, reason } = deployment;
  return (
    <div class="line-of-now">
      <p>
        <a href={deploymentLink(id)}>
          <code>{tag}</code>
        </a>{" "}
        {words}
        {reason !== null && <small> {reason}</small>}
      </p>
      {children}
      {!isOver(deployment.state) && (
        <ActionButton label="Cancel…" service={service} action={cancelAction(deployment)} />
      )}
    </div>
  );
}
