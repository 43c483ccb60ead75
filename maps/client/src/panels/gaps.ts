// What the inputs lack, in sentences.

import type { App } from "../app";
import { h, type Child } from "../dom";
import type { Completeness } from "../types";

function sentences(app: App, { says, mapping }: Completeness): Child[] {
  const known = app.language.name(mapping);
  const said = says.map(({ text, values }) => app.t(text, values));
  return [...said, ...(known === undefined ? [] : [known])].map((text) => h("span", { class: "note" }, `${text} `));
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
        h("strong", {}, app.language.name(row.names) ?? row.layer), " ",
        ...sentences(app, row))),
  );
}
