import { LANGUAGES, type LanguageCode, type Names, type Text, type Texts } from "./types";

export type Values = Record<string, string | number>;

/** Chromium has no Kazakh or Kyrgyz formats, and says it had; both languages write numbers as Russian does. */
const FORMAT_LOCALES: Record<LanguageCode, string> = { en: "en", ru: "ru", ky: "ru", kk: "ru" };

/** Letters that turn the direction of what follows them. */
const TURNING = /[\u0590-\u08ff\u202a-\u202e\u2066-\u2069]/;

const CYRILLIC = /\p{Script=Cyrillic}/u;

/** Texts and formats of one language. */
export class Language {
  private readonly plurals: Intl.PluralRules;
  private readonly whole: Intl.NumberFormat;
  private readonly rough: Intl.NumberFormat;
  private readonly days: Intl.DateTimeFormat;
  /** Locale for formats and sorting. */
  readonly locale: string;

  constructor(
    readonly code: LanguageCode,
    private readonly texts: Record<string, Text>,
  ) {
    const locale = FORMAT_LOCALES[code];
    this.locale = locale;
    this.plurals = new Intl.PluralRules(code === "ru" ? "ru" : "en");
    this.whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
    this.rough = new Intl.NumberFormat(locale, { maximumSignificantDigits: 2 });
    // Month names of another language would be wrong: then the date is written in digits.
    this.days = new Intl.DateTimeFormat(locale, { dateStyle: locale === code ? "long" : "short" });
  }

  /** The text of a key, with {placeholders} filled in; `count` chooses among plural forms. */
  t(key: string, values: Values = {}): string {
    const text = this.texts[key];
    if (text === undefined) return key;
    const pattern =
      typeof text === "string" ? text : (text[this.plurals.select(Number(values.count ?? 0))] ?? text.other ?? key);
    return pattern.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = values[name];
      if (typeof value === "number") return this.number(value);
      const inserted = value ?? "";
      return TURNING.test(inserted) ? `\u2068${inserted}\u2069` : inserted;
    });
  }

  /** Whether there is a text of this key. */
  has(key: string): boolean {
    return key in this.texts;
  }

  number(value: number): string {
    return this.whole.format(value).replace("-", "−");
  }

  /** A number as an estimate deserves it: two significant digits, and no parts of people. */
  about(value: number): string {
    return this.rough.format(Math.round(value)).replace("-", "−");
  }

  percent(share: number, digits = 0): string {
    return new Intl.NumberFormat(this.locale, { style: "percent", maximumFractionDigits: digits }).format(share);
  }

  date(day: Date): string {
    return this.days.format(day);
  }

  metres(value: number): string {
    return value >= 10_000 ? this.t("unit.km", { value: this.decimal(value / 1000) }) : this.t("unit.m", { value });
  }

  hectares(squareMetres: number): string {
    return this.t("unit.ha", { value: squareMetres < 100_000 ? this.decimal(squareMetres / 10_000) : squareMetres / 10_000 });
  }

  decimal(value: number, digits = 1): string {
    return new Intl.NumberFormat(this.locale, { maximumFractionDigits: digits }).format(value);
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
