"""Overture Maps buildings: its releases, which of their files meet an area, and whose outlines they hold."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import SourceError
from pipeline.extract import parquet_window
from pipeline.extract.http.retry import PermanentError, RequestPolicy, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pipeline.config import Area
    from pipeline.declared.catalogue import SourceSpec
    from pipeline.extract.http.download import PartialFile
    from pipeline.geometry.bbox import Box

MAX_LIST = 16 * 2**20
READ_ELSEWHERE = ("openstreetmap", "microsoft ml buildings")
"""Datasets, as `sources` names them (lower case), that are read from their own providers."""
_RELEASE = re.compile(r"release/(\d{4}-\d{2}-\d{2}\.\d+)/$")
_LATEST = "latest"
_FILE = re.compile(r"/theme=buildings/type=building/([\w.-]+\.parquet)")
_COLUMNS = ("id", "height", "sources", "geometry")
MAX_INDEX = 64 * 2**20


def list_url(spec: SourceSpec) -> str:
    """Return the address of the list of releases (S3's ListObjectsV2)."""
    bucket = urlsplit(spec.url).netloc
    return f"{spec.endpoint}/{bucket}?list-type=2&prefix=release/&delimiter=/"


def check_list(path: Path) -> None:
    """Raise an AttemptError unless the file is a list of releases."""
    if not releases(path):
        reason = "the reply names no release"
        raise TransientError(reason)


def releases(path: Path) -> list[str]:
    """Return the releases that a list names, oldest first; raise an AttemptError if it is no list."""
    try:
        root = ET.parse(path).getroot()  # noqa: S314 - expat of Python 3.11 bounds entity expansion
    except ET.ParseError as error:
        reason = "the reply is no XML"
        raise TransientError(reason) from error
    prefixes = (element.text or "" for element in root.iter() if element.tag.endswith("Prefix"))
    found = {match[1] for prefix in prefixes if (match := _RELEASE.search(prefix))}
    return sorted(found, key=lambda name: (name.split(".")[0], int(name.split(".")[1])))


def choose(spec: SourceSpec, offered: list[str]) -> str:
    """Return the release to read: the one that `spec.version` names, or the latest.

    Raises
    ------
    SourceError
        The release that is named is not offered, or no longer.
    """
    if spec.version == _LATEST:
        return offered[-1]
    if spec.version not in offered:
        msg = (
            f"{spec.id}: release {spec.version} is not (or no longer) at {spec.endpoint}, which offers "
            f"{', '.join(offered)}; set version in layers/sources/{spec.id}.toml to one of these, or to latest."
        )
        raise SourceError(msg)
    return spec.version


def check_index(path: Path) -> None:
    """Raise an AttemptError unless the file lists the files of the buildings."""
    if not _listed(path):
        reason = "the index of files names none of buildings"
        raise PermanentError(reason, remedy="take another release: set version in its file in layers/sources")


def files(path: Path, bbox: Box) -> list[str]:
    """Return the names of the files of buildings that meet a bbox (EPSG:4326), from the release's index."""
    west, south, east, north = bbox
    return sorted(
        name
        for name, (left, bottom, right, top) in _listed(path).items()
        if left <= east and right >= west and bottom <= north and top >= south
    )


def _listed(path: Path) -> dict[str, Box]:
    """Return the bbox of each file of buildings in an index.

    What a row is about is told by the addresses of its assets alone: the column `collection` has been empty in whole
    releases. Of an address, the name of the file is taken and nothing else.
    """
    try:
        table = pq.read_table(path, columns=["bbox", "assets"])
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        reason = "the reply is no index of files"
        raise TransientError(reason) from error
    found = {}
    for row in table.to_pylist():
        if (name := _FILE.search(json.dumps(row["assets"], default=str))) and row["bbox"]:
            found[name[1]] = tuple(float(row["bbox"][key]) for key in ("xmin", "ymin", "xmax", "ymax"))
    return found  # type: ignore[return-value]  # four numbers each


def fetch(  # noqa: PLR0913, PLR0917 - what of which release, and how
    spec: SourceSpec, release: str, files: Sequence[str], area: Area, part: PartialFile, policy: RequestPolicy
) -> str:
    """Write the buildings of an area as GeoParquet (id, height, sources, geometry) into `part`; return their address.

    `sources` tells where each comes from; see `not_read_elsewhere`.

    Parameters
    ----------
    files
        The files of the release that meet the area, from `files`; no other one is opened.

    Raises
    ------
    SourceError
        The release vanished, or the server did not answer within the limits.
    """
    urls = [spec.url.format(release=release, file=file) for file in files]
    gone = PermanentError(
        "the release is no longer there", remedy="set version in its file in layers/sources to latest"
    )
    parquet_window.fetch(spec, urls, _COLUMNS, area, part, policy, gone=gone)
    return spec.url.format(release=release, file="*")


def not_read_elsewhere(path: Path, target: Path) -> None:
    """Write the footprints that come neither from OpenStreetMap nor from Microsoft.

    Those two are read from their own providers, newer and whole: kept here as well, a house would count twice.
    """
    table = gpd.read_parquet(path)
    elsewhere = [drawn_by(sources) in READ_ELSEWHERE for sources in table["sources"]]
    kept = table[~np.array(elsewhere, dtype=bool)]
    kept.to_parquet(target, write_covering_bbox=True, schema_version="1.1.0")


def drawn_by(sources: Iterable[Mapping[str, Any]] | None) -> str:
    """Return the dataset (lower case) that an outline comes from; "" if the row does not say.

    `property` is a JSON pointer to what an entry is about: nothing, or the geometry, is the outline itself; an entry
    for the height says nothing of it.
    """
    about = {"", "/", "/geometry", "geometry"}
    entries = [] if sources is None else list(sources)
    return next((str(entry["dataset"]).lower() for entry in entries if (entry.get("property") or "") in about), "")


def left_out(whole: Path, kept: Path) -> int:
    """Return how many footprints one file holds and the other lacks."""
    return int(pq.read_metadata(whole).num_rows - pq.read_metadata(kept).num_rows)
