import { defineConfig } from "vitepress";

// In the time zone that the Dockerfile sets.
const built = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "long" }).format(new Date());

export default defineConfig({
  lang: "en",
  title: "Harbour Handbook",
  description: "What a new member of the harbour crew wants to know.",
  // `/guide/mooring` is `guide/mooring.html`, which statigo finds by itself.
  cleanUrls: true,
  // The home page of VitePress' own theme has no main landmark.
  transformHtml: (html) => html.replace('class="VPContent is-home"', 'role="main" class="VPContent is-home"'),
  srcExclude: ["README.md", "deploy"],
  head: [["link", { rel: "icon", href: "/favicon.svg", type: "image/svg+xml" }]],
  themeConfig: {
    logo: { src: "/favicon.svg", alt: "" },
    nav: [{ text: "Guide", link: "/guide/mooring" }],
    sidebar: [
      {
        text: "Guide",
        items: [
          { text: "Mooring", link: "/guide/mooring" },
          { text: "Radio", link: "/guide/radio" },
        ],
      },
    ],
    search: { provider: "local" },
    footer: { message: `Built on ${built}.` },
  },
});
