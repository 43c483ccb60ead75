import { LANGUAGES, type LanguageCode, type Names, type Text, type Texts } from "./types";

export type Values = Record<string, string | number>;

/** Texts and formats of one language. */
export class Language {
  private readonly plurals: Intl.PluralRules;
  private readonly whole: Intl.NumberFormat;
  private readonly rough: Intl.NumberFormat;
  private readonly shares: Intl.NumberFormat;
  private readonly days: Intl.DateTimeFormat;

  constructor(
    readonly code: LanguageCode,
    private readonly texts: Record<string, Text>,
  ) {
    this.plurals = new Intl.PluralRules(code);
    this.whole = new Intl.NumberFormat(code, { maximumFractionDigits: 0 });
    this.rough = new Intl.NumberFormat(code, { maximumSignificantDigits: 2 });
    this.shares = new Intl.NumberFormat(code, { style: "percent", maximumFractionDigits: 0 });
    this.days = new Intl.DateTimeFormat(code, { dateStyle: "long" });
  }

  /** The text of a key, with {placeholders} filled in; `count` chooses among plural forms. */
  t(key: string, values: Values = {}): string {
    const text = this.texts[key];
    if (text === undefined) return key;
    const pattern =
      typeof text === "string" ? text : (text[this.plurals.select(Number(values.count ?? 0))] ?? text.other ?? key);
    return pattern.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = values[name];
      return typeof value === "number" ? this.number(value) : String(value ?? "");
    });
  }

  number(value: number): string {
    return this.whole.format(value);
  }

  /** A number as an estimate deserves it: two significant digits. */
  about(value: number): string {
    return this.rough.format(value);
  }

  percent(share: number): string {
    return this.shares.format(share);
  }

  date(day: Date): string {
    return this.days.format(day);
  }

  metres(value: number): string {
    return value >= 10_000
      ? this.t("unit.km", { value: new Intl.NumberFormat(this.code, { maximumFractionDigits: 1 }).format(value / 1000) })
      : this.t("unit.m", { value });
  }

  hectares(squareMetres: number): string {
    const digits = squareMetres < 100_000 ? 1 : 0;
    const value = new Intl.NumberFormat(this.code, { maximumFractionDigits: digits }).format(squareMetres / 10_000);
    return this.t("unit.ha", { value });
  }

  /** A name in this language, else as its source writes it, else in any language. */
  name(names: Names): string | undefined {
    return names[this.code] ?? names.any ?? names.en ?? names.ru ?? names.ky ?? names.kk;
  }
}

/** The language to start with: what the address asks for, else the first of the reader's that we have, else English. */
export function preferredLanguage(asked: string | null, readers: readonly string[]): LanguageCode {
  const wanted = [asked ?? "", ...readers].map((tag) => tag.toLowerCase().split("-")[0]);
  return LANGUAGES.find((code) => code === wanted.find((tag) => (LANGUAGES as readonly string[]).includes(tag ?? ""))) ?? "en";
}

export function languages(texts: Texts): Record<LanguageCode, Language> {
  return Object.fromEntries(LANGUAGES.map((code) => [code, new Language(code, texts[code])])) as Record<
    LanguageCode,
    Language
  >;
}
