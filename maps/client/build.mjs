// Bundles the client into one script and one style sheet; with --tests, the unit tests into files for node --test.
import { build } from "esbuild";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";

/** The licence of every package of which a part is in the bundle, as one comment. */
function licences(inputs) {
  const packages = new Set(inputs.flatMap((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.slice(1) ?? []));
  const notices = [...packages].sort().map((name) => {
    const folder = `node_modules/${name}`;
    const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file && existsSync(`${folder}/${file}`) ? readFileSync(`${folder}/${file}`, "utf8").trim() : "";
    return `${name} ${version} (${license})\n${text}`.trim();
  });
  return `/*! This file holds parts of:\n\n${notices.join("\n\n").replaceAll("*/", "* /")}\n*/\n`;
}

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
  const { metafile } = await build({
    ...shared,
    metafile: true,
    entryPoints: { planner: "src/planner.ts" },
    outdir: "dist",
    format: "iife",
    globalName: "novostroiki",
    minify: true,
    target: ["chrome109", "firefox115", "safari16.4"],
  });
  const script = "dist/planner.js";
  const used = Object.entries(metafile.outputs[script].inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  writeFileSync(script, licences(used.map(([path]) => path)) + readFileSync(script, "utf8"));
}
