"""The one place where a source is found by its id: every folder here that has a module ``source`` names its own."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pipeline import extract
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.declared.catalogue import Catalogue
    from pipeline.extract.source import DataSource


def sources(catalogue: Catalogue) -> dict[str, DataSource[Any]]:
    """Return the sources of a catalogue that are fetched from servers, by id, in the order of their files.

    Raises
    ------
    ConfigError
        A TOML with a `url` has no source that answers to it, or does not say what that source must know.
    """
    classes = _classes()
    found = {}
    for spec in catalogue.sources.values():
        if not (spec.url or spec.feeds):
            continue  # files that people bring
        if spec.id not in classes:
            msg = (
                f"layers/sources/{spec.id}.toml: no folder of pipeline/extract has a source named {spec.id!r} "
                f"(known: {', '.join(sorted(classes))}); correct the id, or write the source."
            )
            raise ConfigError(msg)
        found[spec.id] = classes[spec.id](spec, catalogue)
    return found


def check(catalogue: Catalogue) -> None:
    """Refuse a catalogue and folders of sources that do not answer to each other one to one.

    Raises
    ------
    ConfigError
        As in `sources`; or a source has no TOML.
    """
    sources(catalogue)
    if lost := sorted(set(_classes()) - set(catalogue.sources)):
        msg = (
            f"The source {lost[0]!r} has no layers/sources/{lost[0]}.toml, so nothing can be fetched from it; add one."
        )
        raise ConfigError(msg)


@cache
def _classes() -> dict[str, type[DataSource[Any]]]:
    """Return the classes that the folders offer, by the id of their dataset."""
    folders = sorted(module.name for module in pkgutil.iter_modules(extract.__path__) if module.ispkg)
    names = [f"{extract.__name__}.{folder}.source" for folder in folders]
    modules = [import_module(name) for name in names if find_spec(name)]
    return {source_id: offered for module in modules for source_id, offered in module.SOURCES.items()}
