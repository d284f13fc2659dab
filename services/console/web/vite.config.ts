import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    // The content security policy allows fonts and images from files only.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
  },
});
