// Moves what is over from "Coming up" to "Past events". Without JavaScript the page lists everything by date.
const past = document.getElementById("past");
const coming = document.getElementById("coming");
// Swedish writes dates as 2027-01-21, in the reader's own time zone here.
const today = new Date().toLocaleDateString("sv-SE");

for (const event of [...coming.children]) {
  // An event stays until the end of its day: how long it lasts is not in the file.
  if (event.dataset.start.slice(0, 10) < today) past.querySelector("ol").prepend(event);
}
past.hidden = past.querySelector("li") === null;
document.getElementById("none").hidden = coming.children.length > 0;
coming.hidden = coming.children.length === 0;
