// Spellings of one place name brought to one form, by the rules that the pipeline matches names with (layers/spelling.json).

import rules from "../../../layers/spelling.json";

const LONGEST_NAME = 200;
const LEAST_LETTERS = 3;
const MIXED = /(?=[\p{L}\p{N}_]*[a-z])(?=[\p{L}\p{N}_]*[а-яёөүңқғәіһұ])[\p{L}\p{N}_]+/giu;
const ORDINAL = /(\d)-(?:й|я|ый|ой|ая|ші|шы)(?![\p{L}\p{N}_])/giu;
const LOOK_ALIKE: Record<string, string> = rules.look_alike;
const CYRILLIC: Record<string, string> = rules.cyrillic;
const PHRASES = new Set([...rules.generic, ...rules.complexes].map((phrase) => words(phrase).join(" ")));
const LONGEST = Math.max(...[...PHRASES].map((phrase) => phrase.split(" ").length));

/** A word in folded Cyrillic: one letter where scripts and transliterations differ, no doubled letters. */
function fold(word: string): string {
  let form = word;
  for (const [latin, cyrillic] of rules.latin as [string, string][]) form = form.replaceAll(latin, cyrillic);
  return [...form]
    .map((letter) => CYRILLIC[letter] ?? letter)
    .join("")
    .replace(/[^0-9a-zа-я]/g, "")
    .replace(/([а-я])\1+/g, "$1");
}

function words(name: string): string[] {
  return name
    .slice(0, LONGEST_NAME)
    .replaceAll("№", " ")
    .normalize("NFKC")
    .replaceAll("/", "")
    .replaceAll(".", " ")
    .replace(MIXED, (word) => [...word].map((letter) => LOOK_ALIKE[letter] ?? letter).join(""))
    .replace(ORDINAL, "$1")
    .toLowerCase()
    .split(/[\s,;()«»"]+/)
    .map(fold)
    .filter((word) => word !== "");
}

/** The tokens of a name without the generic phrases at its ends; one token at least stays. */
function withoutGeneric(tokens: string[]): string[] {
  const generic = (part: string[]): boolean => PHRASES.has(words(part.join(" ")).join(" "));
  for (let length = Math.min(LONGEST, tokens.length - 1); length > 0; length--) {
    if (generic(tokens.slice(0, length))) return withoutGeneric(tokens.slice(length));
    if (generic(tokens.slice(-length))) return withoutGeneric(tokens.slice(0, -length));
  }
  return tokens;
}

/** One form for all spellings of a name: its letters, then its digits. */
export function normalise(name: string): string {
  const joined = withoutGeneric(words(name)).join("");
  return joined.replace(/\d/g, "").replace(/([а-я])\1+/g, "$1") + joined.replace(/\D/g, "");
}

/** A name as a map writes it: in its own letters, without the words for "new settlement" and quotation marks. */
export function shortName(name: string): string {
  const left = withoutGeneric(name.trim().split(/\s+/)).join(" ").replace(/^[«»"'“”„,;—–\s-]+|[«»"'“”„,;—–\s-]+$/g, "");
  return (left.match(/\p{L}/gu) ?? []).length >= LEAST_LETTERS ? left : name.trim();
}
