"""The cache believes nothing that stands in it: names lead nowhere, sums hold, what is of no use is fetched anew."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.errors import InputError, SourceError
from pipeline.extract.http import lock
from pipeline.extract.http.cache import Cache
from pipeline.extract.http.lock import Request
from tests.crashes import ERRORS, KILLED, SAID, UNHARMED, in_a_child, kill, needs_fork, refusing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.extract.http.download import PartialFile

REQUEST = Request(dataset="osm", version="1", url="https://example.org/a", licence="ODbL-1.0")
PLACES = ["../../mine", "/etc", "..", "a" * 63, "A" * 64, "a" * 64 + "/..", ""]
NAMES = ["../mine.txt", "/etc/passwd", "a/b", "a\\b", "..", ".hidden", "C:x", "a\0b", "", "x" * 300]


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", limit_bytes=10**9)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Return a file of the user beside the cache."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.txt").write_text("mine", encoding="utf-8")
    return tmp_path / "mine" / "mine.txt"


def ask(cache: Cache, content: bytes = b"sound", **more: Any) -> Path:
    def fetch(part: PartialFile) -> str:
        part.path.write_bytes(content)
        return REQUEST.url

    return cache.get(REQUEST, "a.txt", fetch, **more)


def rewritten(cache: Cache, **changed: object) -> Path:
    """Change what the cache says of a download."""
    path = cache.root / "requests" / f"{REQUEST.key}.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changed), encoding="utf-8")
    return path


@pytest.mark.parametrize("changed", [*({"sha256": place} for place in PLACES), *({"name": name} for name in NAMES)])
def test_an_index_that_leads_elsewhere_is_none(cache: Cache, mine: Path, changed: dict[str, str]) -> None:
    ask(cache)
    rewritten(cache, **changed, bytes=4)
    assert ask(cache, b"new").read_bytes() == b"new"
    assert mine.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("changed", [*({"sha256": place} for place in PLACES), *({"name": name} for name in NAMES)])
def test_a_lock_that_leads_elsewhere_is_refused(
    cache: Cache, mine: Path, tmp_path: Path, changed: dict[str, str]
) -> None:
    ask(cache)
    (download,) = cache.used.values()
    path = tmp_path / lock.FILE_NAME
    lock.write(path, [download])
    assert lock.read(path).downloads.keys() == {REQUEST.key}
    lock.write(path, [download.model_copy(update=changed)])
    with pytest.raises(InputError, match=r"sources\.lock: download\.0\.(sha256|name)"):
        lock.read(path)
    assert mine.read_text(encoding="utf-8") == "mine"


def test_an_index_from_the_future_or_of_another_request_is_asked_for_again(cache: Cache) -> None:
    ask(cache)
    ahead = datetime.now(UTC) + timedelta(days=400)
    for changed in ({"retrieved_at": ahead.isoformat()}, {"request": REQUEST.model_dump() | {"version": "2"}}):
        ask(cache, b"old")
        rewritten(cache, **changed)
        assert ask(cache, b"new").read_bytes() == b"new"


def test_a_derived_file_that_was_changed_is_made_again(cache: Cache) -> None:
    def make(target: Path) -> None:
        target.write_bytes(b"made")

    made = cache.derived([ask(cache)], "recipe", "b.txt", make)
    made.write_bytes(b"evil")
    assert cache.derived([ask(cache)], "recipe", "b.txt", make).read_bytes() == b"made"


def test_what_nothing_can_be_made_of_is_fetched_anew(cache: Cache, mine: Path) -> None:
    def fail(_target: Path) -> None:
        msg = "no whole raster"
        raise ValueError(msg)

    source = ask(cache, b"poison")
    with pytest.raises(SourceError, match=r"osm: what was fetched is of no use \(no whole raster\); it was removed"):
        cache.derived([source], "recipe", "b.txt", fail)
    assert not source.exists()
    assert ask(cache, b"sound").read_bytes() == b"sound"
    assert mine.exists()


def test_only_the_caches_own_folders_are_removed(tmp_path: Path, mine: Path) -> None:
    cache = Cache(tmp_path / "cache", limit_bytes=0)
    ask(cache)
    objects = cache.root / "objects"
    (objects / "notes").mkdir()
    (objects / "notes" / "a.txt").write_text("mine too", encoding="utf-8")
    (objects / ("f" * 64)).symlink_to(mine.parent, target_is_directory=True)
    cache.used.clear()
    cache.trim()
    assert sorted(path.name for path in objects.iterdir()) == ["f" * 64, "notes"]
    assert mine.read_text(encoding="utf-8") == "mine"


# --- crashes --------------------------------------------------------------------------------------------------------


def work(cache: Cache, content: bytes) -> tuple[Path, Path]:
    """Use a cache as a run does: fetch anew, make something of it, forget, make room; return what it gave."""
    given = ask(cache, content, refresh_hours=0)
    made = cache.derived([given], "recipe", "b.txt", lambda target: target.write_bytes(b"of " + given.read_bytes()))
    other = Request(dataset="other", version="1", url="https://example.org/b", licence="x")
    cache.get(other, "b.txt", lambda part: part.path.write_bytes(b"other") and other.url)
    cache.forget([cache.used[other.key]])
    cache.trim()
    return given, made


def files(root: Path) -> list[str]:
    """Return what lies in a cache, but for locks."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.suffix != ".busy")


@pytest.fixture
def sound(tmp_path: Path) -> list[str]:
    """Return what lies in a cache that nobody disturbed."""
    undisturbed = Cache(tmp_path / "undisturbed", limit_bytes=0)
    work(undisturbed, b"old")
    undisturbed = Cache(tmp_path / "undisturbed", limit_bytes=0)
    work(undisturbed, b"new")
    return files(undisturbed.root)


def new_cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", limit_bytes=0)


@needs_fork
@pytest.mark.parametrize("action", [kill, *map(refusing, ERRORS.values())], ids=["kill", *ERRORS])
def test_a_cache_that_is_disturbed_at_any_moment_is_right_on_the_next_run(
    tmp_path: Path, mine: Path, sound: list[str], action: Callable[[], None]
) -> None:
    work(new_cache(tmp_path), b"old")
    call, ends = 0, set()
    while True:
        call += 1
        code = in_a_child(lambda: work(new_cache(tmp_path), b"new"), call, action)
        if code >= UNHARMED:
            break
        ends.add(code)
        held = new_cache(tmp_path).held(REQUEST)
        assert held is None or Cache.path(new_cache(tmp_path), held).read_bytes() in {b"old", b"new"}
        given, made = work(new_cache(tmp_path), b"new")
        assert (given.read_bytes(), made.read_bytes()) == (b"new", b"of new")
        assert files(tmp_path / "cache") == sound
        assert mine.read_text(encoding="utf-8") == "mine"
        work(new_cache(tmp_path), b"old")
    assert code == UNHARMED
    assert ends <= ({KILLED} if action is kill else {0, SAID})
    assert call > 30
