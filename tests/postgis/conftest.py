from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.postgis import cluster

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def postgis() -> Iterator[Any]:
    """A connection to a database with PostGIS; skips where there is none."""
    if reason := cluster.unavailable():
        pytest.skip(reason)
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed (extra: test)")
    with cluster.cluster() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION postgis")
        yield connection
