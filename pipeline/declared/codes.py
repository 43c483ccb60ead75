"""What the codes of the tables are called in the languages of the readers: layers/codes.toml, checked complete."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from pydantic import RootModel

from pipeline.base.resources import resource
from pipeline.config import Names, parse, read_toml
from pipeline.errors import ConfigError
from pipeline.schema.vocabulary import CODES, LANGUAGES

if TYPE_CHECKING:
    from pathlib import Path


class _Words(RootModel[dict[str, dict[str, Names]]]):
    """Kind of code, code, its names."""


def load(path: Path) -> dict[str, dict[str, Names]]:
    """Read the words of all codes, by kind of code and code.

    Raises
    ------
    ConfigError
        The file is not TOML, or a code of the vocabulary, or one of its four languages, is missing in it or unknown.
    """
    words = parse(_Words, read_toml(path), path).root
    wanted = {"language": tuple(LANGUAGES), **CODES}
    for kind in {**wanted, **words}:
        missing = set(wanted.get(kind, ())) ^ set(words.get(kind, {}))
        if missing:
            msg = f"{path}: [{kind}] and pipeline/schema/vocabulary.py differ in {min(missing)!r}; make them equal."
            raise ConfigError(msg)
        for code, names in words[kind].items():
            if absent := [language for language in LANGUAGES if not getattr(names, language)]:
                msg = f"{path}: [{kind}] {code} has no name in {LANGUAGES[absent[0]]}; add {absent[0]}."
                raise ConfigError(msg)
    return words


@cache
def default() -> dict[str, dict[str, Names]]:
    """Return the words that travel with the package, read once."""
    return load(resource("layers", "codes.toml"))
