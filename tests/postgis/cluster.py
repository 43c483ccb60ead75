"""A PostgreSQL cluster with PostGIS that lives in a temporary folder for as long as the tests need it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

_SETTINGS = (
    "listen_addresses=''",
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=512MB",
    "work_mem=256MB",
    "maintenance_work_mem=512MB",
    "max_parallel_workers_per_gather=1",
    "jit=off",
)


def binaries() -> Path | None:
    """Return the folder of the newest installed PostgreSQL server, or None."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not folders and (found := shutil.which("initdb")):
        return Path(found).parent
    return max(folders, key=lambda folder: int(folder.parent.name), default=None)


def unavailable() -> str:
    """Return why no cluster can be started here, or an empty string."""
    folder = binaries()
    if folder is None:
        return "PostgreSQL's server is not installed (Debian: postgresql-15-postgis-3)"
    if not list(folder.parent.glob("lib/postgis-3.so")):
        return f"PostgreSQL in {folder} has no PostGIS (Debian: postgresql-15-postgis-3)"
    if os.geteuid() == 0 and _servant() is None:
        return "PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody"
    return ""


def _servant() -> pwd.struct_passwd | None:
    """Return the user that the server runs as where the tests run as root."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


@contextmanager
def filled(tables: Mapping[str, NDArray[np.object_]]) -> Iterator[psycopg.Connection]:
    """Give a connection to a cluster of its own with a table for each array of geometries: id, geom and an index."""
    with cluster() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION postgis")
        for name, shapes in tables.items():
            connection.execute(f"CREATE TABLE {name} (id int, geom geometry)")
            with connection.cursor().copy(f"COPY {name} FROM STDIN") as copy:
                for number, wkb in enumerate(shapely.to_wkb(shapes, hex=True)):
                    copy.write_row((number, wkb))
            connection.execute(f"CREATE INDEX ON {name} USING gist (geom)")
            connection.execute(f"VACUUM ANALYZE {name}")
        yield connection


def _run(*command: str) -> None:
    """Run a command, as the servant where root runs the tests; its output is shown if it fails."""
    identity = {}
    if os.geteuid() == 0 and (servant := _servant()):
        identity = {"user": servant.pw_uid, "group": servant.pw_gid, "extra_groups": []}
    subprocess.run(command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **identity)


@contextmanager
def cluster() -> Iterator[str]:
    """Start a cluster that listens on a socket only, and give its connection string; stop and remove it afterwards."""
    folder = binaries()
    if folder is None:
        raise RuntimeError(unavailable())
    home = Path(tempfile.mkdtemp(prefix="postgis-"))
    data = home / "data"
    if os.geteuid() == 0 and (servant := _servant()):
        os.chown(home, servant.pw_uid, servant.pw_gid)
    try:
        _run(str(folder / "initdb"), "-D", str(data), "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = " ".join(f"-c {setting}" for setting in (*_SETTINGS, f"unix_socket_directories={home}"))
        _run(str(folder / "pg_ctl"), "-D", str(data), "-w", "-l", str(home / "log"), "-o", options, "start")
        try:
            yield f"host={home} user=tester dbname=postgres"
        finally:
            _run(str(folder / "pg_ctl"), "-D", str(data), "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)
