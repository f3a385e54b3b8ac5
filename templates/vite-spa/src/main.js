import "./site.css";
import { viewOf } from "./views.js";

const content = document.getElementById("content");
document.getElementById("built").textContent = `Built on ${__BUILT__}.`;

function show(path) {
  const { title, html } = viewOf(path, new Date());
  document.title = title === undefined ? "Harbour Tides" : `${title} · Harbour Tides`;
  content.innerHTML = html;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.pathname === path) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

// A click on a link of our own changes the view; one for a new tab, or to elsewhere, is the browser's.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!isPlain || link === null || link.origin !== location.origin || link.hash !== "") return;
  event.preventDefault();
  history.pushState(null, "", link.pathname);
  show(link.pathname);
  // So that a screen reader goes on at the new view.
  content.focus();
});
addEventListener("popstate", () => show(location.pathname));
show(location.pathname);
