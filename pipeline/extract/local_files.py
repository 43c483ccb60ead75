"""Provenance of local files, shared by the readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pipeline.declared import catalogue
from pipeline.errors import InputError
from pipeline.extract.sandbox.being_read import announce
from pipeline.schema import provenance

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config import Area


class Format(NamedTuple):
    """A form of file that a reader takes, as the documentation lists it."""

    have: str
    write: str
    note: str = ""


def source(  # noqa: PLR0913 - the columns of a row that a reader knows
    path: Path,
    area: Area,
    *,
    dataset: str,
    number: int,
    version: str,
    features: int,
    observed_year: int | None = None,
) -> provenance.Source:
    """Return the provenance of a local file; licence and attribution come from the catalogue.

    Parameters
    ----------
    number
        Running number of the file among the area's files of this dataset, from 1.
    version
        What the file says about its own version; empty: nothing.
    features
        Objects or cells that were taken from it.
    observed_year
        Year in which things were as the file shows them; None: it does not say.
    """
    spec = catalogue.default().sources.get(dataset)
    return provenance.Source(
        source_id=source_id(dataset, area, number),
        area_id=area.area_id,
        dataset=dataset,
        version=version,
        licence="none: simulated" if area.simulated else spec.licence if spec else provenance.UNSTATED,
        attribution="simulated" if area.simulated else spec.attribution if spec else provenance.UNSTATED,
        url=path.name,
        retrieved_at=None,
        sha256=provenance.sha256(path),
        bytes=sum(file.stat().st_size for file in provenance.files(path)),
        features=features,
        simulated=area.simulated,
        observed_year=observed_year,
    )


def source_id(dataset: str, area: Area, number: int) -> str:
    """Return the identifier of an input: ``<dataset>/<area>/<n>``."""
    return f"{dataset}/{area.area_id}/{number}"


def check_exists(path: Path, key: str, *, folders: bool = False) -> None:
    """Refuse a path that is no file (nor a folder, where `folders` are read too); say that it is being read.

    `key` is the one under ``[areas.X.inputs]`` that names it.
    """
    announce(path)
    if not (path.is_file() or (folders and path.is_dir())):
        msg = f"There is no file {str(path)!r}; correct inputs.{key} in the configuration or fetch the file."
        if not str(path).isprintable():
            msg += " (A backslash before a letter means something else in TOML: write paths with /.)"
        raise InputError(msg)
