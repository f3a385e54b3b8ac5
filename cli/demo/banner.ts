import Mustache from "mustache";

/**
 * What the demo adds to the template's page: which release it is and since when, and a script that reloads the page
 * when another one is live, so that the swap is seen without touching the browser.
 */
const banner = `<style>
  .demo-release { position: sticky; bottom: 1rem; width: fit-content; margin: 2rem auto 0; padding: .5rem 1.25rem;
    border-radius: 2rem; background: var(--accent); color: var(--paper); font-size: .95rem;
    box-shadow: 0 .25rem 1rem rgb(0 0 0 / .25) }
</style>
<p class="demo-release" role="status">Release <strong>{{tag}}</strong>, deployed at <time datetime="{{iso}}">{{time}}</time></p>
<script>
  setInterval(async () => {
    const answer = await fetch("/release.txt", { cache: "no-store" }).catch(() => undefined);
    if (answer?.ok && await answer.text() !== "{{tag}}") location.reload();
  }, 1000);
</script>
`;

export function addBanner(page: string, tag: string, now: Date): string {
  const end = page.lastIndexOf("</body>");
  if (end < 0) throw new Error("the template's page has no </body>");
  const iso = now.toISOString();
  const time = `${iso.slice(11, 19)} UTC`;
  return page.slice(0, end) + Mustache.render(banner, { tag, iso, time }) + page.slice(end);
}
