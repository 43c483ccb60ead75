// What the inputs lack, in sentences.

import type { App } from "../app";
import { h, type Child } from "../dom";
import type { Completeness } from "../types";

type Measures = Completeness["measures"];

interface Saying {
  /** The measures that it is about (pipeline/transform, extract); the first must be there. */
  of: readonly [string, ...string[]];
  say(app: App, value: (measure: string) => number, layer: string, rows: Measures): string[];
}

const MAPPED = "inhabited land with mapped buildings";

function mappedIn(place: "centre" | "outskirts"): Saying {
  const measure = `${MAPPED}, ${place}`;
  return {
    of: [measure],
    say: (app, value, _, rows) => {
      const thin = rows.some((row) => row.measure === measure && (row.verdict === "sparse" || row.verdict === "missing"));
      const share = app.t(`gap.mapped.${place}`, { share: app.language.percent(value(measure)) });
      return thin ? [share, app.t("gap.notValid")] : [share];
    },
  };
}

const SAYINGS: readonly Saying[] = [
  { of: ["input given"], say: (app, _, layer) => [app.t(`gap.without.${layer}`)] },
  {
    of: ["objects inside", "objects around"],
    say: (app, value) => {
      const [inside, around] = [value("objects inside"), value("objects around")];
      if (inside > 0) return [app.t("gap.inside", { count: inside })];
      return [around > 0 ? app.t("gap.around", { count: around }) : app.t("gap.nothing")];
    },
  },
  {
    of: ["share assumed"],
    say: (app, value) => {
      const share = value("share assumed");
      const count = value("objects inside") + value("objects around");
      return share > 0 ? [app.t("gap.assumed", { lacking: Math.round(share * count), total: count })] : [];
    },
  },
  {
    of: ["unseen_share_p50", "unseen_share_p05", "unseen_share_p95"],
    say: (app, value) => {
      const [low, middle, high] = ["p05", "p50", "p95"].map((q) => value(`unseen_share_${q}`)) as [number, number, number];
      if (Number.isNaN(middle)) return [app.t("gap.unseenUnknown")];
      const write = (share: number): string => app.language.percent(share, 1);
      return [app.t("gap.unseen", { low: write(low), middle: write(middle), high: write(high) })];
    },
  },
  {
    of: ["seen_by_both", "seen_by_osm", "seen_by_satellite"],
    say: (app, value) => {
      const [both, osm, satellite] = ["both", "osm", "satellite"].map((source) => value(`seen_by_${source}`)) as [number, number, number];
      return [app.t("gap.seen", { count: both + osm + satellite, both, osm, satellite })];
    },
  },
  mappedIn("centre"),
  mappedIn("outskirts"),
  { of: [MAPPED], say: (app) => [app.t("gap.noSigns")] },
];

/** What the measures of a layer say; those that there are no words for, as the tables say it in English. */
function sentences(app: App, { layer, measures, mapping }: Completeness): Child[] {
  const value = (name: string): number => measures.find((row) => row.measure === name)?.value ?? Number.NaN;
  const has = (name: string): boolean => measures.some((row) => row.measure === name);
  const sayable = SAYINGS.filter(({ of }) => has(of[0]) && (of[0] !== "input given" || app.language.has(`gap.without.${layer}`)));
  const said = new Set(sayable.flatMap(({ of }) => of));
  const known = app.language.name(mapping);
  const notes = new Set(measures.filter((row) => !said.has(row.measure)).map((row) => row.note));
  return [
    ...sayable.flatMap(({ say }) => say(app, value, layer, measures)).map((text) => h("span", { class: "note" }, `${text} `)),
    known !== undefined && h("span", { class: "note" }, `${known} `),
    ...[...notes].map((note) => h("span", { lang: "en", class: "note" }, `${note} `)),
  ];
}

function titleOf(app: App, { layer, names }: Completeness): string {
  const input = app.language.has(`gap.input.${layer}`) ? app.t(`gap.input.${layer}`) : layer.replaceAll("_", " ");
  return app.language.name(names) ?? input;
}

/** Inputs that are missing or thin; `wanted` chooses among them. */
export function gaps(app: App, wanted: (row: Completeness) => boolean): Child {
  const weak = app.data.completeness.filter((row) => row.verdict !== "complete" && wanted(row));
  if (weak.length === 0) return h("p", {}, app.t("about.noGaps"));
  return h(
    "ul",
    { class: "gaps" },
    ...weak.map((row) =>
      h("li", {},
        h("span", { class: `verdict ${row.verdict}` }, app.t(`verdict.${row.verdict}`)),
        h("strong", {}, titleOf(app, row)), " ",
        ...sentences(app, row))),
  );
}
