import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: {
    // The server's Content-Security-Policy has no data: addresses and no inline code.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    // Where `npm run quickstart` has its server.
    proxy: { "/api": "http://127.0.0.1:33073", "/oauth2": "http://127.0.0.1:33073" },
  },
});
