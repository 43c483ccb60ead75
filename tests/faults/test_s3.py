"""Overture's releases on S3, played by moto: what is read, what is left out, and what if a release is gone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import duckdb
import pytest
from botocore import UNSIGNED
from botocore.config import Config as BotoConfig
from moto.server import ThreadedMotoServer

from pipeline.base.connection import connect
from pipeline.errors import SourceError
from pipeline.extract import footprints, live
from tests.faults import cases, city, servers
from tests.faults.cases import RECOVERS, Case
from tests.faults.conftest import MakeConfig, only
from tests.faults.servers import Server, files, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.declared.catalogue import Catalogue

BUCKET = "overturemaps-us-west-2"
RELEASES = ("2026-09-16.0", "2026-10-21.0", "2026-10-21.1")
FOLDER = "release/{release}/theme=buildings/type=building/"
S3 = "S3"
PINNED = Case(S3, "a release that has vanished", "release 2020-01-01.0 is not (or no longer) at")
VANISHED = Case(S3, "the release vanishes after it was listed", "the release is no longer there")
DAMAGED = Case(S3, "a damaged Parquet file", "the reply is no whole Parquet file", live=cases.IMPATIENT)
REFUSED = Case(S3, "refused connection", "the connection failed", live=cases.IMPATIENT)
LIST = [
    Case(S3, "503 on the list of releases", RECOVERS, [servers.status(503)], how="asked again"),
    Case(S3, "HTML instead of the list", RECOVERS, [servers.body(servers.HTML)], how="found wrong, asked again"),
]


def write_buildings(path: Path) -> None:
    """Write a release: buildings of three origins in the area, and one far away."""
    rows = [
        ("b-osm", 74.511, 42.911, "OpenStreetMap", 6.0),
        ("c-microsoft", 74.512, 42.911, "Microsoft ML Buildings", None),
        ("a-google", 74.513, 42.911, "Google Open Buildings", 3.0),
        ("d-esri", 74.514, 42.911, "Esri Community Maps", None),
        ("e-far", 75.900, 44.000, "Google Open Buildings", None),
    ]
    with connect(spatial=True) as con:
        con.execute("CREATE TABLE rows (id VARCHAR, lon DOUBLE, lat DOUBLE, dataset VARCHAR, height DOUBLE)")
        con.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", rows)
        con.execute(
            f"""COPY (SELECT id, height,
                [{{'property': '', 'dataset': dataset, 'record_id': id}}] AS sources,
                {{'xmin': lon, 'xmax': lon + 1e-4, 'ymin': lat, 'ymax': lat + 1e-4}} AS bbox,
                ST_MakeEnvelope(lon, lat, lon + 1e-4, lat + 1e-4) AS geometry FROM rows) TO '{path}' (FORMAT parquet)"""
        )


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[str, Any]]:
    """Serve a bucket with three releases; return its endpoint and a client."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-west-2")
    client.create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}, ACL="public-read"
    )
    path = tmp_path / "part-00000.parquet"
    write_buildings(path)
    for release in RELEASES:
        key = FOLDER.format(release=release) + path.name
        client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes(), ACL="public-read")
    try:
        yield endpoint, client
    finally:
        client.delete_objects(Bucket=BUCKET, Delete={"Objects": keys(client)})
        client.delete_bucket(Bucket=BUCKET)
        server.stop()


def keys(client: Any) -> list[dict[str, str]]:
    """Return all objects of the bucket."""
    return [{"Key": item["Key"]} for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def overture(endpoint: str, **changed: object) -> Catalogue:
    return only(overture_buildings={"endpoint": endpoint, **changed})


def test_the_latest_release_without_what_is_read_elsewhere(make_config: MakeConfig, bucket: tuple[str, Any]) -> None:
    fetched = live.fetch(city.AREA, overture(bucket[0]), make_config(timeout_seconds=10))
    (path,) = fetched.paths("overture_buildings")
    table = footprints.read([path], city.AREA).data
    assert sorted(table["origin"]) == ["esri", "google"]
    assert [notice.count for notice in fetched.notices] == [2]
    assert {download.request.version for download in fetched.downloads} == {"list", RELEASES[-1]}
    whole = Path(make_config().live.cache).glob("objects/*/buildings.parquet")
    assert duckdb.sql(f"SELECT list(id) FROM '{next(whole)}'").fetchone() == (
        ["a-google", "b-osm", "c-microsoft", "d-esri"],
    )


def test_a_release_that_is_asked_for(make_config: MakeConfig, bucket: tuple[str, Any]) -> None:
    fetched = live.fetch(city.AREA, overture(bucket[0], version=RELEASES[0]), make_config(timeout_seconds=10))
    assert fetched.files["overture_buildings"][0].origin.version == RELEASES[0]


def test_the_bucket_is_read_without_an_account(bucket: tuple[str, Any]) -> None:
    anonymous = boto3.client(
        "s3", endpoint_url=bucket[0], region_name="us-west-2", config=BotoConfig(signature_version=UNSIGNED)
    )
    assert len(keys(anonymous)) == len(RELEASES)


def test_vanished_release(make_config: MakeConfig, bucket: tuple[str, Any]) -> None:
    with pytest.raises(SourceError) as caught:
        live.fetch(city.AREA, overture(bucket[0], version="2020-01-01.0"), make_config())
    message = str(caught.value)
    assert PINNED.outcome in message
    assert bucket[0] in message
    assert "or to latest." in message


def test_release_vanishes_after_it_was_listed(make_config: MakeConfig, bucket: tuple[str, Any]) -> None:
    endpoint, client = bucket
    live.fetch(city.AREA, overture(endpoint, version=RELEASES[0]), make_config(timeout_seconds=10))
    client.delete_objects(Bucket=BUCKET, Delete={"Objects": keys(client)[1:]})
    with pytest.raises(SourceError, match=VANISHED.outcome) as caught:
        live.fetch(city.AREA, overture(endpoint), make_config(timeout_seconds=10))
    assert f"s3://{BUCKET}/release/{RELEASES[-1]}" in str(caught.value)


def test_damaged_file(make_config: MakeConfig, bucket: tuple[str, Any]) -> None:
    endpoint, client = bucket
    key = FOLDER.format(release=RELEASES[-1]) + "part-00000.parquet"
    client.put_object(Bucket=BUCKET, Key=key, Body=b"PAR1 and nothing that could follow it", ACL="public-read")
    with pytest.raises(SourceError, match=DAMAGED.outcome):
        live.fetch(city.AREA, overture(endpoint), make_config(timeout_seconds=10, **DAMAGED.live))
    assert not list(Path(make_config().live.cache).glob("objects/*/buildings.parquet"))


def test_refused_connection(make_config: MakeConfig) -> None:
    with pytest.raises(SourceError, match=REFUSED.outcome):
        live.fetch(city.AREA, overture(servers.refused()), make_config(**REFUSED.live))


@pytest.mark.parametrize("case", LIST, ids=lambda case: case.name)
def test_list_of_releases(case: Case, make_config: MakeConfig) -> None:
    listing = (
        b"<ListBucketResult><CommonPrefixes><Prefix>release/2026-10-21.0/</Prefix></CommonPrefixes></ListBucketResult>"
    )
    with serving(Server(files({f"/{BUCKET}": listing}), list(case.script))) as server:
        with pytest.raises(SourceError, match=r"release 2020-01-01\.0 is not"):
            live.fetch(city.AREA, overture(server.url, version="2020-01-01.0"), make_config())
        assert len(server.requests) == 2
