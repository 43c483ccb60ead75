import type { Range } from "./numbers";
import { roundPeople } from "./rounding";
import { LANGUAGES, type LanguageCode, type Names, type Text, type Texts } from "./types";

export type Values = Record<string, string | number>;

/** Chromium has no Kazakh or Kyrgyz formats, and says it had; both languages write numbers as Russian does. */
const FORMAT_LOCALES: Record<LanguageCode, string> = { en: "en", ru: "ru", ky: "ru", kk: "ru" };

/** Letters that turn the direction of what follows them. */
const TURNING = /[\u0590-\u08ff\u202a-\u202e\u2066-\u2069]/;

const CYRILLIC = /\p{Script=Cyrillic}/u;

/** Texts and formats of one language. */
export class Language {
  /** Formats are dear to make, and most are never asked for. */
  private readonly formats = new Map<string, Intl.NumberFormat | Intl.PluralRules>();
  /** Locale for formats and sorting. */
  readonly locale: string;

  constructor(
    readonly code: LanguageCode,
    private readonly texts: Record<string, Text>,
  ) {
    this.locale = FORMAT_LOCALES[code];
  }

  private format<T extends Intl.NumberFormat | Intl.PluralRules>(key: string, make: () => T): T {
    let format = this.formats.get(key) as T | undefined;
    if (!format) this.formats.set(key, (format = make()));
    return format;
  }

  private get plurals(): Intl.PluralRules {
    return this.format("plurals", () => new Intl.PluralRules(this.code === "ru" ? "ru" : "en"));
  }

  /**
   * The text of a key, with {placeholders} filled in; `count` chooses among plural forms. A number is written in per
   * cent, with so many decimals at most, where its placeholder is such as {share:.0%}.
   */
  t(key: string, values: Values = {}): string {
    const text = this.texts[key];
    if (text === undefined) return key;
    const pattern =
      typeof text === "string" ? text : (text[this.plurals.select(Number(values.count ?? 0))] ?? text.other ?? key);
    return pattern.replace(/\{(\w+)(?::\.(\d)%)?\}/g, (_, name: string, decimals: string | undefined) => {
      const value = values[name];
      if (typeof value === "number") return decimals === undefined ? this.number(value) : this.percent(value, Number(decimals));
      const inserted = value ?? "";
      return TURNING.test(inserted) ? `\u2068${inserted}\u2069` : inserted;
    });
  }

  number(value: number): string {
    return this.decimal(value, 0).replace("-", "−");
  }

  /** An estimate of people, rounded as everywhere. */
  people(range: Range): { low: string; middle: string; high: string } {
    const { low, middle, high } = roundPeople(range);
    return { low: this.number(low), middle: this.number(middle), high: this.number(high) };
  }

  percent(share: number, digits = 0): string {
    return this.format(`percent ${digits}`, () => new Intl.NumberFormat(this.locale, { style: "percent", maximumFractionDigits: digits })).format(share);
  }

  date(day: Date): string {
    // Month names of another language would be wrong: then the date is written in digits.
    return new Intl.DateTimeFormat(this.locale, { dateStyle: this.locale === this.code ? "long" : "short" }).format(day);
  }

  metres(value: number): string {
    return value >= 10_000 ? this.t("unit.km", { value: this.decimal(value / 1000) }) : this.t("unit.m", { value });
  }

  hectares(squareMetres: number): string {
    return this.t("unit.ha", { value: squareMetres < 100_000 ? this.decimal(squareMetres / 10_000) : squareMetres / 10_000 });
  }

  decimal(value: number, digits = 1): string {
    return this.format(`decimal ${digits}`, () => new Intl.NumberFormat(this.locale, { maximumFractionDigits: digits })).format(value);
  }

  /** A name in this language, else as its source has it, else in any language; in the letters that its readers read. */
  name(names: Names): string | undefined {
    const { any, en, ru, ky, kk, latin } = names;
    const ordered = this.code === "en" ? [en, latin, any, ru, ky, kk] : [names[this.code], any, ru, ky, kk, en];
    const readable = this.code === "en" ? ordered : ordered.filter((name) => name !== undefined && CYRILLIC.test(name));
    return [...readable, ...ordered].find((name) => name !== undefined);
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
