// Bundles the client into one script and one style sheet; with --tests, the unit tests into files for node --test.
import { build } from "esbuild";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const NOTICE = "../../NOTICE";
const HEAD = "Parts of these libraries are in every page of a map:";

/** The licence of every package of which a part is in the bundle. */
function licences(inputs) {
  const packages = new Set(inputs.flatMap((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.slice(1) ?? []));
  return [...packages].sort().map((name) => {
    const { version, license, author } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
    return `${name} ${version} (${license})\n\n${licenceText(name, license, author)}`;
  }).join("\n\n");
}

/** What a package says, or, where it holds no such file, the text of the licence that it names. */
function licenceText(name, license, author) {
  const folder = `node_modules/${name}`;
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file) return readFileSync(`${folder}/${file}`, "utf8").replaceAll("\r\n", "\n").trim();
  return readFileSync(`licences/${license}.txt`, "utf8").trim().replace("{author}", author.name ?? author);
}

/** Writes the licences behind our own notice. */
function writeNotice(text) {
  const before = readFileSync(NOTICE, "utf8");
  const after = `${before.split(HEAD)[0].trim()}\n\n${HEAD}\n\n${text}\n`;
  if (after !== before) writeFileSync(NOTICE, after);
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
  const used = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  const text = licences(used.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path));
  const script = "dist/planner.js";
  writeFileSync(script, `/*! ${HEAD}\n\n${text.replaceAll("*/", "* /")}\n*/\n${readFileSync(script, "utf8")}`);
  writeNotice(text);
}
