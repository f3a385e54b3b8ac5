import { defineConfig } from "vite";

export default defineConfig({
  // In the time zone that the Dockerfile sets.
  define: {
    __BUILT__: JSON.stringify(
      new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "long" }).format(new Date()),
    ),
  },
});
