"""The licence of outputs in the words of their readers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.wording.texts import Texts


def sentence(words: Texts, key: str, licence: str, **values: str) -> str:
    """Return a text that names a licence, and says where it forbids commercial use.

    Parameters
    ----------
    words
        With the family ``embed``.
    key
        Of the text, which has the placeholder ``{licence}`` beside those of `values`.
    licence
        An SPDX expression, as `schema.about.licence_of` returns it.
    """
    told = words(key, licence=", ".join(map(_plain, licence.split(" AND "))), **values)
    restriction = words("licence.noncommercial")
    return f"{told} {restriction}" if "-NC" in licence else told


def _plain(identifier: str) -> str:
    """Return an SPDX identifier as people write it.

    Examples
    --------
    >>> _plain("CC-BY-NC-4.0"), _plain("ODbL-1.0")
    ('CC BY-NC 4.0', 'ODbL 1.0')
    """
    return re.sub(r"-(?=\d)", " ", identifier.replace("CC-", "CC ", 1))
