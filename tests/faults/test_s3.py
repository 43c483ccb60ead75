"""Overture's releases on S3, played by moto: what is read, what is left out, and what if a release is gone."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
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
        ("f-google", 74.515, 42.911, "Google Open Buildings", 9.0),  # as high as Microsoft says
    ]
    with connect(spatial=True) as con:
        con.execute("CREATE TABLE rows (id VARCHAR, lon DOUBLE, lat DOUBLE, dataset VARCHAR, height DOUBLE)")
        con.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", rows)
        con.execute(
            f"""COPY (SELECT id, height,
                list_concat(
                    CASE WHEN id = 'f-google'
                    THEN [{{'property': '/height', 'dataset': 'Microsoft ML Buildings', 'record_id': id}}] ELSE [] END,
                    [{{'property': CASE WHEN id < 'd' THEN '' ELSE '/geometry' END, 'dataset': dataset,
                       'record_id': id}}]
                ) AS sources,
                {{'xmin': lon, 'xmax': lon + 1e-4, 'ymin': lat, 'ymax': lat + 1e-4}} AS bbox,
                ST_MakeEnvelope(lon, lat, lon + 1e-4, lat + 1e-4) AS geometry FROM rows) TO '{path}' (FORMAT parquet)"""
        )


def index(release: str, boxes: dict[str, tuple[float, float, float, float]]) -> bytes:
    """Return a release's index of files, as the provider lays it out, with the column of types that it leaves empty."""
    rows = [
        {
            "collection": None,
            "bbox": dict(zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)),
            "assets": {"aws": {"alternate": {"s3": {"href": f"s3://{BUCKET}/{FOLDER.format(release=release)}{name}"}}}},
        }
        for name, box in boxes.items()
    ]
    place = {
        "aws": {"alternate": {"s3": {"href": f"s3://{BUCKET}/release/{release}/theme=places/type=place/p.parquet"}}}
    }
    rows.append({**rows[0], "assets": place})
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


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
        listed = index(release, {path.name: (74.0, 42.0, 76.0, 44.5), "part-00001.parquet": (0.0, 0.0, 9.0, 9.0)})
        client.put_object(Bucket=BUCKET, Key=f"stac/{release}.parquet", Body=listed, ACL="public-read")
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
    listed = f"{endpoint}/{BUCKET}/stac/{{release}}.parquet"
    return only(overture_buildings={"endpoint": endpoint, "index": listed, **changed})


def test_the_latest_release_without_what_is_read_elsewhere(make_config: MakeConfig, bucket: tuple[str, Any]) -> None:
    fetched = live.fetch(city.AREA, overture(bucket[0]), make_config(timeout_seconds=10))
    (path,) = fetched.paths("overture_buildings")
    table = footprints.read([path], city.AREA).data
    assert sorted(table["origin"]) == ["esri", "google", "google"]
    assert sorted(table["height_m"].dropna()) == [3.0, 9.0]
    assert [notice.count for notice in fetched.notices] == [2]
    assert {download.request.version for download in fetched.downloads} == {"list", RELEASES[-1]}
    whole = Path(make_config().live.cache).glob("objects/*/buildings.parquet")
    assert duckdb.sql(f"SELECT list(id) FROM '{next(whole)}'").fetchone() == (
        ["a-google", "b-osm", "c-microsoft", "d-esri", "f-google"],
    )


def test_a_release_that_is_asked_for(make_config: MakeConfig, bucket: tuple[str, Any]) -> None:
    fetched = live.fetch(city.AREA, overture(bucket[0], version=RELEASES[0]), make_config(timeout_seconds=10))
    assert fetched.files["overture_buildings"][0].origin.version == RELEASES[0]


def test_the_bucket_is_read_without_an_account(bucket: tuple[str, Any]) -> None:
    anonymous = boto3.client(
        "s3", endpoint_url=bucket[0], region_name="us-west-2", config=BotoConfig(signature_version=UNSIGNED)
    )
    assert len(keys(anonymous)) == 2 * len(RELEASES)


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
    gone = [key for key in keys(client) if key["Key"].startswith("release/")][1:]
    client.delete_objects(Bucket=BUCKET, Delete={"Objects": gone})
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


NO_INDEX = Case(S3, "an index of files that names none of buildings", "the index of files names none of buildings")


def test_of_512_files_those_that_meet_the_area_are_opened(make_config: MakeConfig, tmp_path: Path) -> None:
    release, path = RELEASES[-1], tmp_path / "part.parquet"
    write_buildings(path)
    boxes = {
        f"part-{number:05d}.parquet": (west := -180 + number % 32 * 11.25, south := -90 + number // 32 * 11.25,
                                       west + 11.25, south + 11.25)
        for number in range(512)
    }  # fmt: skip
    whole = path.read_bytes()
    prefixes = (
        f"<ListBucketResult><CommonPrefixes><Prefix>release/{release}/</Prefix></CommonPrefixes></ListBucketResult>"
    )
    content = {f"/{BUCKET}/{FOLDER.format(release=release)}{name}": whole for name in boxes}
    content |= {f"/{BUCKET}": prefixes.encode(), f"/{BUCKET}/stac/{release}.parquet": index(release, boxes)}
    with serving(Server(files(content))) as server:
        fetched = live.fetch(city.AREA, overture(server.url), make_config(timeout_seconds=10))
        opened = {urlsplit(request.path).path for request in server.requests if "part-" in request.path}
    assert not fetched.missing
    assert 1 <= len(opened) <= 3
    assert len(footprints.read(fetched.paths("overture_buildings"), city.AREA).data) == 3


def test_an_index_without_buildings_is_said(make_config: MakeConfig, bucket: tuple[str, Any]) -> None:
    endpoint, client = bucket
    buffer = io.BytesIO()
    pq.write_table(pa.table({"bbox": [{"xmin": 0.0}], "assets": [{"aws": "elsewhere"}]}), buffer)
    client.put_object(Bucket=BUCKET, Key=f"stac/{RELEASES[-1]}.parquet", Body=buffer.getvalue(), ACL="public-read")
    with pytest.raises(SourceError, match=NO_INDEX.outcome):
        live.fetch(city.AREA, overture(endpoint), make_config(timeout_seconds=10))


@pytest.mark.parametrize("case", LIST, ids=lambda case: case.name)
def test_list_of_releases(case: Case, make_config: MakeConfig) -> None:
    listing = (
        b"<ListBucketResult><CommonPrefixes><Prefix>release/2026-10-21.0/</Prefix></CommonPrefixes></ListBucketResult>"
    )
    with serving(Server(files({f"/{BUCKET}": listing}), list(case.script))) as server:
        with pytest.raises(SourceError, match=r"release 2020-01-01\.0 is not"):
            live.fetch(city.AREA, overture(server.url, version="2020-01-01.0"), make_config())
        assert len(server.requests) == 2
