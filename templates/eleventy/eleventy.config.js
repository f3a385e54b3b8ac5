const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeZone: "UTC" });
// In the time zone that the Dockerfile sets.
const minute = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short" });
const zone = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" });

export default function (config) {
  config.addPassthroughCopy({ public: "/" });
  config.addFilter("day", (date) => day.format(date));
  config.addFilter("isoDay", (date) => date.toISOString().slice(0, 10));
  config.addGlobalData("built", () => {
    const now = new Date();
    const name = zone.formatToParts(now).find(({ type }) => type === "timeZoneName").value;
    return { iso: now.toISOString(), text: `${minute.format(now)} ${name}` };
  });
  config.addGlobalData("site", {
    title: "Harbour Walks",
    description: "Three walks that begin at the quay, with the distance, the time and the best place to sit down.",
  });
  return { markdownTemplateEngine: "njk", htmlTemplateEngine: "njk" };
}
