/** Where the browser finds what makes its pages live: no site has it, since no hidden name is served. */
export const scriptPath = "/.statigo/live.js";
export const eventsPath = "/.statigo/events";

/** What the server says after each change; `before` is the state that the change was made to. */
export interface News {
  state: string;
  before: string;
  /** Only style sheets changed. */
  isStyleOnly: boolean;
}

/**
 * Runs in the browser. A page knows the state it was made in, so that one that was asleep, or whose connection broke,
 * learns on its return whether it is the current one. A hidden page holds no connection: browsers allow six a host.
 */
export const liveScript = `(() => {
  let state = document.currentScript.dataset.state;
  let source;
  function swapStyles() {
    for (const link of document.querySelectorAll('link[rel~="stylesheet"]')) {
      const url = new URL(link.href, location.href);
      if (url.origin !== location.origin) continue;
      url.searchParams.set("statigo", state);
      const fresh = link.cloneNode();
      fresh.href = url.href;
      fresh.onload = fresh.onerror = () => link.remove();
      link.after(fresh);
    }
  }
  function hear({ data }) {
    const news = JSON.parse(data);
    if (news.state === state) return;
    const isStyleOnly = news.isStyleOnly && news.before === state;
    state = news.state;
    if (isStyleOnly) return swapStyles();
    source.close();
    location.reload();
  }
  function connect() {
    source?.close();
    if (document.hidden) return;
    source = new EventSource(${JSON.stringify(eventsPath)});
    source.onmessage = hear;
  }
  document.addEventListener("visibilitychange", connect);
  addEventListener("pageshow", connect);
  addEventListener("pagehide", () => source?.close());
})();
`;

/** What is put behind a page. There the parser takes it as the end of the body, whatever the page looks like. */
export function scriptElement(state: string, nonce: string): string {
  return `<script src="${scriptPath}" data-state="${state}" nonce="${nonce}"></script>\n`;
}
