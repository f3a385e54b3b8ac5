import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { announcement, Confirmation } from "./confirm.tsx";
import { isLoaded, problem, startFollowing } from "./data.ts";
import { DeploymentPage } from "./deployment-page.tsx";
import { Overview } from "./overview.tsx";
import type { Route } from "./read-route.ts";
import { route } from "./route.ts";
import { ServicePage } from "./service-page.tsx";
import { may, session } from "./session.ts";
import { SignIn } from "./sign-in.tsx";
import { signOut } from "./sign-in-calls.ts";
import { isFollowing } from "./stream.ts";
import { keepTheme, readTheme, type Theme, themes } from "./theme-choice.ts";

export function Page() {
  const { value } = session;
  if (value === undefined) return <main class="blank" aria-busy="true" />;
  return value.signedIn ? <Inside name={value.name} /> : <SignIn />;
}

function Inside({ name }: { name: string }) {
  useEffect(startFollowing, []);
  const main = useRef<HTMLElement>(null);
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        To the content
      </button>
      <header class="top">
        <a class="wordmark" href="#/">
          statigo
        </a>
        <Connection />
        <ThemeButton />
        <span class="who">
          {name}
          {!may("deploy") && <small> read-only</small>}
        </span>
        <button type="button" class="plain" onClick={() => void signOut()}>
          Sign out
        </button>
      </header>
      <main ref={main} tabIndex={-1} aria-busy={!isLoaded.value}>
        {problem.value !== undefined && (
          <p class="notice" role="alert">
            {problem.value}
          </p>
        )}
        {isLoaded.value && <Content route={route.value} />}
      </main>
      <Confirmation />
      <p class="toast" role="status">
        {announcement.value}
      </p>
    </>
  );
}

function Content({ route: at }: { route: Route }) {
  switch (at.page) {
    case "overview":
      return <Overview />;
    case "service":
      return <ServicePage key={at.service} name={at.service} />;
    case "deployment":
      return <DeploymentPage key={at.id} id={at.id} />;
    case "unknown":
      return (
        <>
          <h1>There is nothing here</h1>
          <p>
            <a href="#/">All services</a>
          </p>
        </>
      );
  }
}

function Connection() {
  const text = isFollowing.value ? "live" : "reconnecting…";
  return (
    <span class={`connection ${isFollowing.value ? "" : "lost"}`} role="status">
      {text}
    </span>
  );
}

const theme = signal<Theme>(readTheme());
const themeWords: Readonly<Record<Theme, string>> = { system: "Auto", light: "Light", dark: "Dark" };

function ThemeButton() {
  const next = themes[(themes.indexOf(theme.value) + 1) % themes.length] ?? "system";
  return (
    <button
      type="button"
      class="plain theme"
      aria-label={`Theme: ${themeWords[theme.value]}; change to ${themeWords[next]}`}
      onClick={() => {
        theme.value = next;
        keepTheme(next);
      }}
    >
      {themeWords[theme.value]}
    </button>
  );
}
