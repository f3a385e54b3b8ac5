/** What the image of each template answers, and how large its site is. */
export type Answer = readonly [path: string, status: number, type: string, content: RegExp];

export interface TemplateSite {
  readonly answers: readonly Answer[];
  /** With `docker build` as it is before Docker 23 too; slow ones are built once. */
  readonly builders: readonly ("buildkit" | "classic")[];
  /** A path whose answer is larger than 1 kB, and so there in all codings. */
  readonly compressed: string;
  /** Says when the site was built, in the time zone of the Dockerfile: London's. */
  readonly dated?: readonly [path: string, content: RegExp];
  /** What the site may take beside the base image. */
  readonly budgetBytes: number;
  /** The pages that a browser looks at. */
  readonly pages: readonly string[];
}

const html = "text/html; charset=utf-8";
const css = "text/css; charset=utf-8";
const svg = "image/svg+xml";
const notFound = /<h1>Page not found<\/h1>/;
const both = ["buildkit", "classic"] as const;

const buildFiles = (...paths: string[]): Answer[] =>
  ["/Dockerfile", "/.dockerignore", ...paths].map((path) => [path, 404, html, notFound]);

export const templateSites: Readonly<Record<string, TemplateSite>> = {
  astro: {
    answers: [
      ["/", 200, html, /<h1[^>]*>Harbour Boatyard<\/h1>.*Pilot cutter, 1911/s],
      ["/oars/", 200, html, /<h1[^>]*>Oars for hire<\/h1>/],
      ["/favicon.svg", 200, svg, /^<svg/],
      ["/no-such-page", 404, html, notFound],
      ...buildFiles("/package.json", "/src/boats.json"),
    ],
    builders: ["buildkit"],
    compressed: "/",
    dated: ["/", /Built on <time[^>]*>[^<]* (GMT|BST)<\/time>/],
    budgetBytes: 60_000,
    pages: ["/", "/oars/"],
  },
  eleventy: {
    answers: [
      [
        "/",
        200,
        html,
        /<h1>Harbour Walks<\/h1>.*href="\/walks\/island-ridge\/".*href="\/walks\/round-the-basin\/"/s,
      ],
      ["/walks/lighthouse/", 200, html, /<dd>5\.1 km<\/dd>.*14 June 2025/s],
      ["/about/", 200, html, /<h1>About<\/h1>/],
      ["/site.css", 200, css, /:focus-visible/],
      ["/hills.svg", 200, svg, /^<svg/],
      ["/walks/no-such-walk/", 404, html, notFound],
      ...buildFiles("/package.json", "/eleventy.config.js"),
    ],
    builders: ["buildkit"],
    compressed: "/site.css",
    dated: ["/about/", /Built on <time[^>]*>[^<]* (GMT|BST)<\/time>/],
    budgetBytes: 40_000,
    pages: ["/", "/walks/lighthouse/"],
  },
  html: {
    answers: [
      ["/", 200, html, /<h1>Quay Café<\/h1>.*Fish soup/s],
      ["/visit", 200, html, /<h1>Visit<\/h1>/],
      ["/site.css", 200, css, /:focus-visible/],
      ["/quay.svg", 200, svg, /^<svg/],
      ["/no-such-page", 404, html, notFound],
      ...buildFiles("/public/index.html"),
    ],
    builders: both,
    compressed: "/",
    budgetBytes: 40_000,
    pages: ["/", "/visit"],
  },
  hugo: {
    answers: [
      ["/", 200, html, /<h1>Harbour Gazette<\/h1>.*The winter timetable.*A crane with a view/s],
      ["/posts/seal-count/", 200, html, /<li>twenty-six on the sandbank/],
      ["/about/", 200, html, /<h1>About<\/h1>/],
      ["/index.xml", 200, "application/xml", /<title>Forty-one seals<\/title>/],
      ["/sitemap.xml", 200, "application/xml", /gazette\.example/],
      ["/harbour.svg", 200, svg, /^<svg/],
      ["/posts/no-such-post/", 404, html, notFound],
      ...buildFiles("/hugo.toml"),
    ],
    builders: both,
    compressed: "/",
    dated: ["/", /Built on <time[^>]*>[^<]* (GMT|BST)<\/time>/],
    budgetBytes: 60_000,
    pages: ["/", "/posts/seal-count/"],
  },
  jekyll: {
    answers: [
      ["/", 200, html, /<h1>Harbour Notes<\/h1>.*href="\/2025\/knots-worth-knowing\/"/s],
      ["/2025/knots-worth-knowing/", 200, html, /<td>Bowline<\/td>/],
      ["/about/", 200, html, /<h1>About<\/h1>/],
      ["/feed.xml", 200, "application/xml", /<title>Knots worth knowing<\/title>/],
      ["/assets/site.css", 200, css, /:focus-visible/],
      ["/assets/lighthouse.svg", 200, svg, /^<svg/],
      ["/favicon.svg", 200, svg, /^<svg/],
      ["/2025/no-such-note/", 404, html, notFound],
      ...buildFiles("/_config.yml"),
    ],
    builders: both,
    compressed: "/feed.xml",
    dated: ["/", /Built on .* at \d\d:\d\d (GMT|BST)</],
    budgetBytes: 60_000,
    pages: ["/", "/2025/knots-worth-knowing/"],
  },
  mustache: {
    answers: [
      [
        "/",
        200,
        html,
        /<h1>Harbour Events<\/h1>.*<time datetime="2027-04-08T19:00">.*Café des développeurs/s,
      ],
      ["/events.json", 200, "application/json; charset=utf-8", /"title": "Summer harbour day"/],
      ["/css/site.css", 200, css, /:focus-visible/],
      ["/js/past-events.js", 200, "text/javascript; charset=utf-8", /toLocaleDateString/],
      ["/img/harbour.svg", 200, svg, /^<svg/],
      ["/favicon.svg", 200, svg, /^<svg/],
      ["/no-such-page", 404, html, notFound],
      ...buildFiles("/package.json", "/index.mustache"),
    ],
    builders: both,
    compressed: "/events.json",
    budgetBytes: 50_000,
    pages: ["/"],
  },
  "vite-spa": {
    answers: [
      ["/", 200, html, /<a href="\/today">Today<\/a>/],
      ["/week", 200, html, /<a href="\/today">Today<\/a>/],
      ["/some/view/of/the/application", 200, html, /<a href="\/today">Today<\/a>/],
      ["/favicon.svg", 200, svg, /^<svg/],
      // A file that is missing is no view.
      ["/assets/index-00000000.js", 404, html, /not found/i],
      ["/package.json", 404, html, /not found/i],
    ],
    builders: ["buildkit"],
    compressed: "/",
    budgetBytes: 40_000,
    pages: ["/", "/week", "/some/view"],
  },
  vitepress: {
    answers: [
      ["/", 200, html, /Harbour Handbook/],
      ["/guide/mooring", 200, html, /<h1 id="mooring"[^>]*>Mooring/],
      ["/guide/radio", 200, html, /wait, and say nothing/],
      ["/favicon.svg", 200, svg, /^<svg/],
      ["/guide/no-such-page", 404, html, /404/],
      ["/package.json", 404, html, /404/],
    ],
    builders: ["buildkit"],
    compressed: "/guide/mooring",
    dated: ["/", /Built on [^<]* (GMT|BST)\./],
    budgetBytes: 1_000_000,
    pages: ["/", "/guide/mooring"],
  },
};
