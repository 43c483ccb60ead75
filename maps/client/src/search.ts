// Finding a settlement by any spelling: Cyrillic or Latin, Kyrgyz, Kazakh or Russian letters, with or without prefixes.

import type { Settlement } from "./types";

const PREFIXES =
  /^(ж\/м|жилмассив|жилой массив|новостройка|мкр|микрорайон|шағын ауданы|тұрғын алабы|конуш|село|с|mkr|village)(?:\.\s*|\s+|(?=[«"“„]))/;
const LATIN: [RegExp, string][] = [
  [/shch/g, "щ"],
  [/dzh|dj|zh|j/g, "ж"],
  [/kh/g, "х"],
  [/ch/g, "ч"],
  [/sh/g, "ш"],
  [/ts/g, "ц"],
  [/yu/g, "ю"],
  [/ya/g, "я"],
];
const LETTERS: Record<string, string> = {
  a: "а", b: "б", c: "к", d: "д", e: "е", f: "ф", g: "г", h: "х", i: "ы", k: "к", l: "л", m: "м", n: "н", o: "о",
  p: "п", q: "к", r: "р", s: "с", t: "т", u: "у", v: "в", w: "в", x: "кс", y: "ы", z: "з",
  ё: "е", ө: "о", ү: "у", ң: "н", ә: "а", і: "ы", ғ: "г", қ: "к", ұ: "у", һ: "х", и: "ы", й: "ы",
};

/** A name as a map writes it: without the words for "new settlement", and without quotation marks. */
export function shortName(name: string): string {
  const bare = name.trim().replace(new RegExp(PREFIXES, "iu"), "").replace(/[«»"“”„]/g, "").trim();
  return bare === "" ? name : bare;
}

/** One form for all spellings of a name. */
export function normalise(text: string): string {
  let form = text.normalize("NFC").toLowerCase().trim().replace(PREFIXES, "");
  for (const [pattern, letter] of LATIN) form = form.replace(pattern, letter);
  return [...form]
    .map((letter) => LETTERS[letter] ?? letter)
    .join("")
    .replace(/[^\p{L}\p{N}]/gu, "");
}

/** Whether two words differ by at most one letter put in, left out or replaced. */
export function within1(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  const rest = (x: string, from: number): string => x.slice(from);
  return (
    rest(a, i + 1) === rest(b, i + 1) || rest(a, i) === rest(b, i + 1) || rest(a, i + 1) === rest(b, i)
  );
}

export class Search {
  /** Made when first asked for: thousands of names take a moment that a first view should not wait for. */
  private made: { settlement: Settlement; forms: string[] }[] | null = null;

  constructor(private readonly settlements: readonly Settlement[]) {}

  private get forms(): { settlement: Settlement; forms: string[] }[] {
    this.made ??= this.settlements.map((settlement) => {
      const spellings = [...Object.values(settlement.names), ...settlement.otherNames, settlement.id.split("/").pop() ?? ""];
      return { settlement, forms: [...new Set(spellings.map(normalise))] };
    });
    return this.made;
  }

  /** Settlements whose name begins with, holds, or (six letters and more) nearly equals the text; best first. */
  find(text: string, limit = 8): Settlement[] {
    const wanted = normalise(text);
    if (wanted === "") return [];
    const ranked: { settlement: Settlement; rank: number }[] = [];
    for (const { settlement, forms } of this.forms) {
      const rank = Math.min(...forms.map((form) => rankOf(form, wanted)));
      if (rank < 9) ranked.push({ settlement, rank });
    }
    ranked.sort((a, b) => a.rank - b.rank || b.settlement.buildings - a.settlement.buildings);
    return ranked.slice(0, limit).map((row) => row.settlement);
  }
}

function rankOf(form: string, wanted: string): number {
  if (form === wanted) return 0;
  if (form.startsWith(wanted)) return 1;
  if (form.includes(wanted)) return 2;
  if (wanted.length >= 6 && within1(form, wanted)) return 3;
  return 9;
}
