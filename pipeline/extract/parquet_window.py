"""The part of GeoParquet files on S3 that meets an area: DuckDB reads only the row groups that hold it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import duckdb

from pipeline.base.connection import connect, load_extension
from pipeline.extract.http.retry import (
    AttemptError,
    Deadline,
    PermanentError,
    RequestPolicy,
    TransientError,
    retry_call,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.config import Area
    from pipeline.declared.catalogue import SourceSpec
    from pipeline.extract.http.download import PartialFile


def fetch(  # noqa: PLR0913, PLR0917 - what of which files, and how
    spec: SourceSpec,
    urls: Sequence[str],
    columns: Sequence[str],
    area: Area,
    part: PartialFile,
    policy: RequestPolicy,
    *,
    gone: PermanentError,
) -> str:
    """Write the rows of some files whose `bbox` meets an area as GeoParquet into `part`; return the first address.

    Parameters
    ----------
    spec
        Its `endpoint` has the bucket, which is read without an account.
    urls
        The files (``s3://…``); no other one is opened.
    columns
        To be kept, where they exist; rows are ordered by the first.
    gone
        What is said where a file is not there.

    Raises
    ------
    SourceError
        A file is not there, or the server did not answer within the limits.
    """

    def attempt(_number: int, deadline: Deadline) -> str:
        for url in urls:
            address = spec.endpoint + "/" + url.removeprefix("s3://")
            if policy.landing(address, deadline) != address:
                reason = "it redirects elsewhere"
                raise PermanentError(reason, remedy=f"look for its new address at {spec.home}")
        with connect(spatial=True) as con:
            load_extension(con, "httpfs")
            _reach(con, spec, deadline.timeout(policy))
            timer = threading.Timer(deadline.left, con.interrupt)
            timer.start()
            try:
                con.execute(_query(urls, columns, part.path), _bounds(area))
            except duckdb.InterruptException as error:
                part.drop()
                reason = "it took longer than live.retry_seconds allows"
                raise TransientError(reason, remedy="raise that limit or try again later") from error
            except duckdb.Error as error:
                part.drop()
                raise _classified(error, gone) from error
            finally:
                timer.cancel()
        return urls[0]

    return retry_call(attempt, source=spec.id, urls=[urls[0]], policy=policy, busy_seconds=spec.busy_seconds)


def _reach(con: duckdb.DuckDBPyConnection, spec: SourceSpec, seconds: float) -> None:
    """Tell DuckDB where the bucket is."""
    server = urlsplit(spec.endpoint)
    con.execute(f"SET http_timeout = {max(1, round(seconds))}")
    con.execute("SET http_retries = 0")  # attempts are counted here
    con.execute(
        "CREATE SECRET (TYPE s3, PROVIDER config, REGION 'us-west-2', URL_STYLE 'path', "
        f"ENDPOINT {_text(server.netloc)}, USE_SSL {server.scheme == 'https'})",
    )


def _query(urls: Sequence[str], columns: Sequence[str], target: object) -> str:
    kept = ", ".join(map(_text, columns))
    rows = (
        f"SELECT COLUMNS(c -> c IN ({kept})) FROM read_parquet([{', '.join(map(_text, urls))}]) "  # noqa: S608 - from the catalogue
        "WHERE bbox.xmin <= $east AND bbox.xmax >= $west AND bbox.ymin <= $north AND bbox.ymax >= $south "
        f"ORDER BY {columns[0]}"
    )
    return f"COPY ({rows}) TO {_text(target)} (FORMAT parquet)"


def _bounds(area: Area) -> dict[str, float]:
    return dict(zip(("west", "south", "east", "north"), area.bbox, strict=True))


def _text(value: object) -> str:
    """Return a SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def _classified(error: duckdb.Error, gone: PermanentError) -> AttemptError:
    text = str(error)
    if "No files found" in text or "404" in text:
        return gone
    if isinstance(error, duckdb.BinderException):
        return PermanentError("its files have other columns now", remedy="wait for a newer version of this program")
    if "parquet" in text.lower() and "HTTP" not in text:
        return TransientError("the reply is no whole Parquet file")
    return TransientError(f"the server failed ({text.splitlines()[0][:120]})")
