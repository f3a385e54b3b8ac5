import { tidesOf } from "./tides.js";

const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });

/** Every path that the server does not know is answered with the same page, and told apart here. */
export function viewOf(path, now) {
  if (path === "/" || path === "/today") return { title: path === "/" ? undefined : "Today", html: today(now) };
  if (path === "/week") return { title: "Week", html: week(now) };
  return {
    title: "Page not found",
    html: `<h1>Page not found</h1><p>There is nothing at this address. See the tides of <a href="/today">today</a>.</p>`,
  };
}

function today(now) {
  return `<h1>${day.format(now)}</h1>${table(now)}`;
}

function week(now) {
  const days = Array.from({ length: 7 }, (_, index) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + index));
  return `<h1>The next seven days</h1>${days.map((date) => `<h2>${day.format(date)}</h2>${table(date)}`).join("")}`;
}

function table(date) {
  const rows = tidesOf(date).map(
    ({ at, kind, metres }) =>
      `<tr><th scope="row"><time datetime="${at.toISOString()}">${time.format(at)}</time></th><td>${kind} water</td>
       <td><meter min="0" max="6" value="${metres}">${metres} m</meter> ${metres} m</td></tr>`,
  );
  return `<table><thead><tr><th scope="col">Time</th><th scope="col">Tide</th><th scope="col">Height</th></tr></thead>
    <tbody>${rows.join("")}</tbody></table>`;
}
