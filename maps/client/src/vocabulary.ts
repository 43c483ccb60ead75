// The codes that the client speaks of: those of pipeline/schema/vocabulary.py (a test compares the two).

export const LANGUAGES = ["en", "ru", "ky", "kk"] as const;
export const QUANTITIES = ["residents", "registered", "unregistered"] as const;
export const KINDS = ["novostroika", "village", "dacha", "formal", "other", "undetermined"] as const;
export const STATUSES = ["legal", "mixed", "unresolved", "unknown"] as const;
export const EVIDENCE = ["local", "national", "none"] as const;
export const RULE_KINDS = ["inside", "statutory", "advisory", "proxy"] as const;
/** Kinds of rule that bind: all but advice. */
export const BINDING = ["inside", "statutory", "proxy"] as const;
export const BUILDING_KINDS = ["house", "apartments", "outbuilding", "non_residential", "unknown"] as const;
export const CONCERNS = ["residents", "administrative"] as const;
export const VERDICTS = ["complete", "partial", "sparse", "missing", "unknown"] as const;

export type LanguageCode = (typeof LANGUAGES)[number];
export type Quantity = (typeof QUANTITIES)[number];
export type Kind = (typeof KINDS)[number];
export type Status = (typeof STATUSES)[number];
export type Evidence = (typeof EVIDENCE)[number];
export type RuleKind = (typeof RULE_KINDS)[number];
export type Concern = (typeof CONCERNS)[number];
export type Verdict = (typeof VERDICTS)[number];
