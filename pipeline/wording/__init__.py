"""Names and codes in words: spelling, transliteration, labels."""
