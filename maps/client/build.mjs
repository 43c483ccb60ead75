// Bundles the client into one script and one style sheet; with --tests, the unit tests into files for node --test.
import { build } from "esbuild";
import { readdirSync } from "node:fs";

const shared = {
  bundle: true,
  charset: "utf8",
  legalComments: "eof",
  logLevel: "warning",
  // Leaflet's own images are not used; what its style sheet names is inlined, so that nothing is ever fetched.
  loader: { ".png": "dataurl" },
};

if (process.argv.includes("--tests")) {
  await build({
    ...shared,
    entryPoints: readdirSync("test").filter((name) => name.endsWith(".test.ts")).map((name) => `test/${name}`),
    outdir: ".tests",
    format: "esm",
    platform: "node",
    target: "node20",
  });
} else {
  await build({
    ...shared,
    entryPoints: { planner: "src/planner.ts" },
    outdir: "dist",
    format: "iife",
    globalName: "novostroiki",
    minify: true,
    target: ["chrome109", "firefox115", "safari16.4"],
  });
}
