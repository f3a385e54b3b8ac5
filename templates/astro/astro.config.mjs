import { defineConfig } from "astro/config";

export default defineConfig({
  // The address readers use.
  site: "https://boatyard.example",
});
