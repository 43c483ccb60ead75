"""Overture Maps buildings: GeoParquet on S3, of which DuckDB reads only the row groups that meet the area."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import duckdb
import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq

from pipeline.base.connection import connect, load_extension
from pipeline.errors import SourceError
from pipeline.extract.http.retry import (
    AttemptError,
    Deadline,
    PermanentError,
    RequestPolicy,
    TransientError,
    retry_call,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config import Area
    from pipeline.declared.catalogue import SourceSpec
    from pipeline.extract.http.download import PartialFile

MAX_LIST = 16 * 2**20
READ_ELSEWHERE = ("OpenStreetMap", "Microsoft ML Buildings")
"""Datasets, as `sources` names them, that are read from their own providers."""
_RELEASE = re.compile(r"release/(\d{4}-\d{2}-\d{2}\.\d+)/$")
_LATEST = "latest"


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


def fetch(spec: SourceSpec, release: str, area: Area, part: PartialFile, policy: RequestPolicy) -> str:
    """Write the buildings of an area as GeoParquet (id, height, sources, geometry) into `part`; return their address.

    `sources` tells where each comes from; see `not_read_elsewhere`.

    Raises
    ------
    SourceError
        The release vanished, or the server did not answer within the limits.
    """
    url = spec.url.format(release=release)

    def attempt(_number: int, deadline: Deadline) -> str:
        with connect(spatial=True) as con:
            load_extension(con, "httpfs")
            _reach(con, spec, deadline.timeout(policy))
            timer = threading.Timer(deadline.left, con.interrupt)
            timer.start()
            try:
                con.execute(_query(url, part.path), _bounds(area))
            except (duckdb.IOException, duckdb.HTTPException, duckdb.InvalidInputException) as error:
                part.drop()
                raise _classified(error) from error
            except duckdb.InterruptException as error:
                part.drop()
                reason = "it took longer than live.retry_seconds allows"
                raise TransientError(reason, remedy="raise that limit or try again later") from error
            finally:
                timer.cancel()
        return url

    return retry_call(attempt, source=spec.id, urls=[url], policy=policy)


def not_read_elsewhere(path: Path, target: Path) -> None:
    """Write the footprints that come neither from OpenStreetMap nor from Microsoft.

    Those two are read from their own providers, newer and whole: kept here as well, a house would count twice.
    """
    table = gpd.read_parquet(path)
    elsewhere = [any(source["dataset"] in READ_ELSEWHERE for source in sources) for sources in table["sources"]]
    kept = table[~np.array(elsewhere, dtype=bool)]
    kept.to_parquet(target, write_covering_bbox=True, schema_version="1.1.0")


def rows(path: Path) -> int:
    """Return how many footprints a file holds."""
    return int(pq.read_metadata(path).num_rows)


def _reach(con: duckdb.DuckDBPyConnection, spec: SourceSpec, seconds: float) -> None:
    """Tell DuckDB where the bucket is; it is read without an account."""
    server = urlsplit(spec.endpoint)
    con.execute(f"SET http_timeout = {max(1, round(seconds))}")
    con.execute("SET http_retries = 0")  # attempts are counted here
    con.execute(
        "CREATE SECRET (TYPE s3, PROVIDER config, REGION 'us-west-2', URL_STYLE 'path', "
        f"ENDPOINT {_text(server.netloc)}, USE_SSL {server.scheme == 'https'})",
    )


def _query(url: str, target: Path) -> str:
    rows = (
        f"SELECT id, height, sources, geometry FROM read_parquet({_text(url)}) "  # noqa: S608 - from the catalogue
        "WHERE bbox.xmin <= $east AND bbox.xmax >= $west AND bbox.ymin <= $north AND bbox.ymax >= $south ORDER BY id"
    )
    return f"COPY ({rows}) TO {_text(target)} (FORMAT parquet)"


def _bounds(area: Area) -> dict[str, float]:
    return dict(zip(("west", "south", "east", "north"), area.bbox, strict=True))


def _text(value: object) -> str:
    """Return a SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def _classified(error: duckdb.Error) -> AttemptError:
    text = str(error)
    if "No files found" in text or "404" in text:
        return PermanentError(
            "the release is no longer there", remedy="set version in its file in layers/sources to latest"
        )
    if "parquet" in text.lower() and "HTTP" not in text:
        return TransientError("the reply is no whole Parquet file")
    return TransientError(f"the server failed ({text.splitlines()[0][:120]})")
