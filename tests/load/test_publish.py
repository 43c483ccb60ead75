from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.base import releases
from pipeline.errors import InputError, RunError
from pipeline.run import manifest, publish
from tests.crashes import ERRORS, KILLED, SAID, UNHARMED, in_a_child, kill, needs_fork, refusing

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("novostroiki.duckdb", "tables/areas.parquet", "maps/osh/index.html")


def run_id(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()[:16]


def build(stage: Path, word: str, names: tuple[str, ...] = NAMES) -> None:
    for name in names:
        path = stage / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{word} {name}")
    files = manifest.list_files(stage)
    (stage / manifest.NAME).write_text(json.dumps({"run_id": run_id(word), "files": files}))


def publish_word(
    out: Path,
    word: str,
    failure: BaseException | None = None,
    names: tuple[str, ...] = NAMES,
    snapshot: date | None = None,
) -> None:
    with publish.staging(out, snapshot=snapshot) as stage:
        build(stage, word, names)
        if failure is not None:
            raise failure


def state(out: Path) -> dict[str, str]:
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def kept(out: Path) -> set[str]:
    return {entry.name for entry in (out / releases.FOLDER).iterdir()}


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Path]:
    """Return where to publish: in memory where the system has such a disk, as thousands of files are forced to it."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own in it
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as folder:
        yield Path(folder) / "cities" / "out"


def test_readers_find_each_release_whole_behind_the_pointer_and_beside_it(out: Path) -> None:
    for word in ("first", "second"):
        publish_word(out, word)
        release = releases.resolve(out)
        assert release == out / "releases" / run_id(word)
        assert manifest.verify(out) == []
        for name in NAMES:
            assert (out / name).read_text() == (release / name).read_text() == f"{word} {name}"
    assert releases.resolve(release) == release
    assert [entry.name for entry in out.parent.iterdir()] == ["out"]


def test_the_last_two_are_kept_and_what_a_reader_holds(out: Path) -> None:
    publish_word(out, "first")
    with releases.held(out) as held:
        for word in ("second", "third", "fourth"):
            publish_word(out, word)
        assert kept(out) == {run_id(word) for word in ("first", "third", "fourth")}
        assert manifest.verify(held) == []
    publish_word(out, "fifth")
    assert kept(out) == {run_id(word) for word in ("fourth", "fifth")}


def test_an_equal_release_is_the_one_that_is_there(out: Path) -> None:
    publish_word(out, "first")
    publish_word(out, "second")
    before = {path: path.stat().st_ino for path in out.rglob("*")}
    publish_word(out, "second")
    assert {
        path: path.stat().st_ino for path in out.rglob("*") if path.name != "release.json"
    }.items() <= before.items()
    assert kept(out) == {run_id("first"), run_id("second")}
    publish_word(out, "first")
    assert (out / "tables" / "areas.parquet").read_text() == "first tables/areas.parquet"


def test_a_release_that_was_damaged_is_made_anew(out: Path) -> None:
    publish_word(out, "first")
    damaged = releases.resolve(out) / "maps" / "osh" / "index.html"
    damaged.unlink()
    damaged.write_text("<h1>defaced</h1>")
    publish_word(out, "first")
    assert manifest.verify(out) == []
    assert state(out)["maps/osh/index.html"] == hashlib.sha256(b"first maps/osh/index.html").hexdigest()


@pytest.mark.parametrize("failure", [RuntimeError("no"), KeyboardInterrupt(), RunError("no")])
def test_a_failed_run_keeps_the_old(out: Path, failure: BaseException) -> None:
    with pytest.raises(type(failure)):
        publish_word(out, "first", failure)
    assert not out.exists()
    publish_word(out, "first")
    before = state(out)
    with pytest.raises(type(failure)):
        publish_word(out, "second", failure)
    assert state(out) == before


def test_what_is_shown_no_longer_goes_and_what_a_user_has_there_stays(out: Path) -> None:
    publish_word(out, "first", names=(*NAMES, "maps/almaty/index.html", "maps/almaty/more/a.csv"))
    (out / "notes.txt").write_text("mine")
    (out / "maps" / "osh" / "notes.txt").write_text("mine too")
    (out / "maps" / "almaty" / "more" / "mine.csv").write_text("1,2")
    (out / "latest").symlink_to("releases")
    publish_word(out, "second")
    assert not (out / "maps" / "almaty" / "index.html").exists()
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "maps" / "osh" / "notes.txt").read_text() == "mine too"
    assert [path.name for path in (out / "maps" / "almaty" / "more").iterdir()] == ["mine.csv"]
    assert (out / "latest").is_symlink()


def test_what_a_user_changed_is_moved_aside(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish_word(out, "first")
    (out / "novostroiki.duckdb").write_text("first novostroiki.duckdb, and a table of mine")
    (out / "tables" / "areas.parquet").unlink()
    os.mkfifo(out / "tables" / "areas.parquet")
    elsewhere = out.parent / "elsewhere"
    (out / "maps").rename(elsewhere)
    (out / "maps").symlink_to(elsewhere)
    publish_word(out, "second")
    assert (out / "novostroiki.duckdb.kept1").read_text() == "first novostroiki.duckdb, and a table of mine"
    assert (out / "tables" / "areas.parquet.kept1").is_fifo()
    assert (out / "maps.kept1").is_symlink()
    assert (elsewhere / "osh" / "index.html").read_text() == "first maps/osh/index.html"
    assert capsys.readouterr().err.count("a file of yours lay where an output goes; it is kept as") == 3
    assert manifest.verify(out) == []
    assert all((out / name).read_text() == f"second {name}" for name in NAMES)


def test_a_reader_who_opens_the_database_for_writing_changes_a_copy(out: Path) -> None:
    publish_word(out, "first")
    with (out / "novostroiki.duckdb").open("a") as file:
        file.write("!")
    assert manifest.verify(out) == []


def test_files_are_copied_where_the_file_system_has_no_links(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    for word in ("first", "second"):
        publish_word(out, word)
    assert all((out / name).read_text() == f"second {name}" for name in NAMES)
    assert not list(out.rglob("*.kept*"))


def test_releases_that_were_removed_by_hand_are_no_loss(out: Path) -> None:
    publish_word(out, "first")
    for path in sorted((out / "releases").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    with pytest.raises(InputError, match="is not there; run again"):
        releases.resolve(out)
    publish_word(out, "second")
    assert manifest.verify(out) == []
    assert not list(out.rglob("*.kept*"))


@pytest.mark.parametrize(
    "name", ["thesis.docx", "manifest.json", "src/precious.py", "releases/v1.0/notes.md", "release.json"]
)
def test_a_folder_with_other_files_is_not_touched(tmp_path: Path, name: str) -> None:
    listed = {"path": "src/precious.py", "bytes": 14, "sha256": hashlib.sha256(b"years of work").hexdigest()}
    text = json.dumps({"run_id": run_id("x"), "files": [listed]}) if name == "manifest.json" else '"years of work"'
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)
    before = state(tmp_path)
    with pytest.raises(InputError), publish.staging(tmp_path):
        pass
    assert state(tmp_path) == before


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"run_id": "../../home"}', '{"run_id": 1}', '{"run_id": "0123456789abcdef", "previous": ""}'],
)
def test_a_pointer_that_is_none_is_one_sentence(out: Path, text: str) -> None:
    out.mkdir(parents=True)
    (out / releases.POINTER).write_text(text)
    with pytest.raises(InputError, match=r"pointer|does not name a release"), publish.staging(out) as stage:
        build(stage, "second")
    with pytest.raises(InputError), releases.held(out):
        pass
    assert list(state(out)) == [releases.POINTER]


@pytest.mark.parametrize(
    "files", [None, {}, [1], [{"path": "../x", "bytes": 1, "sha256": "0"}], [{"path": "/x", "bytes": 1, "sha256": "0"}]]
)
def test_a_manifest_that_is_none_is_one_sentence(tmp_path: Path, files: object) -> None:
    (tmp_path / manifest.NAME).write_text(json.dumps({"run_id": run_id("x"), "files": files}))
    with pytest.raises(InputError, match="manifest"):
        manifest.read(tmp_path)


def test_a_file_or_a_place_that_cannot_be_written_to_cannot_be_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, says in ((tmp_path / "file", "is a file"), (tmp_path / "file" / "x", "cannot be used")):
        with pytest.raises(InputError, match=says), publish.staging(path):
            pass


def test_two_runs_at_once_are_refused(out: Path) -> None:
    with publish.staging(out) as stage:
        with pytest.raises(RunError, match="Another run is writing"), publish.staging(out):
            pass
        build(stage, "first")
    publish_word(out, "second")
    assert "second" in (out / "novostroiki.duckdb").read_text()


def test_lost_files_of_a_kit_are_put_back(out: Path) -> None:
    names = (*NAMES, "public/embed/osh/index.html", "public/embed/osh/a.csv")
    publish_word(out, "first", names=names)
    (out / "public" / "embed" / "osh" / "a.csv").unlink()
    (out / "public" / "embed" / "osh" / "index.html").unlink()
    (out / "public" / "embed" / "osh" / "index.html").write_text("mine")
    publish.restore(out, "public/embed/osh/")
    assert (out / "public" / "embed" / "osh" / "a.csv").read_text() == "first public/embed/osh/a.csv"
    assert (out / "public" / "embed" / "osh" / "index.html.kept1").read_text() == "mine"
    with pytest.raises(InputError, match="holds no public/embed/atlantis"):
        publish.restore(out, "public/embed/atlantis/")


# --- crashes --------------------------------------------------------------------------------------------------------


def start_and_fail(out: Path) -> None:
    with contextlib.suppress(ZeroDivisionError), publish.staging(out):
        _ = 1 / 0


def behind_pointer(out: Path) -> dict[str, str]:
    return state(releases.resolve(out))


@needs_fork
def test_killed_at_any_moment_keeps_old_or_new_whole(out: Path) -> None:
    publish_word(out, "old")
    old, beside_old = behind_pointer(out), {name: f"old {name}" for name in NAMES}
    beside_new = {name: f"new {name}" for name in NAMES}
    call, seen = 0, []
    while in_a_child(lambda: publish_word(out, "new"), call := call + 1, kill) == KILLED:
        seen.append(behind_pointer(out))
        assert manifest.verify(out) == []
        shown = {name: (out / name).read_text() for name in NAMES}
        assert all(shown[name] in (beside_old[name], beside_new[name]) for name in NAMES)  # each whole
        publish.heal(out)
        assert behind_pointer(out) == seen[-1]
        assert {name: (out / name).read_text() for name in NAMES} in (beside_old, beside_new)
        assert not (out / "releases" / ".staging").exists()
        assert not list(out.rglob("*.kept*"))
        if seen[-1] != old:
            publish_word(out, "old")
            assert behind_pointer(out) == old
    assert call > 50
    assert old in seen
    assert any(found != old for found in seen)
    assert all((out / name).read_text() == f"new {name}" for name in NAMES)


@needs_fork
def test_killed_while_it_recovers_is_no_obstacle(out: Path) -> None:
    publish_word(out, "old")
    call, words = 0, {"old"}
    while len(words) == 1:  # until a kill leaves files of two releases beside the pointer
        in_a_child(lambda: publish_word(out, "new"), call := call + 1, kill)
        words = {(out / name).read_text().split()[0] for name in NAMES}
    again = 0
    while in_a_child(lambda: publish.heal(out), again := again + 1, kill) == KILLED:
        assert manifest.verify(out) == []
    assert again > 10
    assert {(out / name).read_text().split()[0] for name in NAMES} == {"old"}
    publish_word(out, "new")
    assert {(out / name).read_text().split()[0] for name in NAMES} == {"new"}


@needs_fork
def test_killed_in_its_first_run_is_no_obstacle(out: Path) -> None:
    call = 0
    while in_a_child(lambda: publish_word(out, "new"), call := call + 1, kill) == KILLED:
        start_and_fail(out)
        assert not out.exists() or not state(out) or behind_pointer(out)
        if out.exists():
            for path in sorted(out.rglob("*"), reverse=True):
                path.unlink() if path.is_file() else path.rmdir()
            out.rmdir()
    assert call > 30


@needs_fork
@pytest.mark.parametrize("number", ERRORS.values(), ids=ERRORS.keys())
def test_refused_at_any_moment_keeps_old_or_new_and_says_so(out: Path, number: int) -> None:
    def work() -> None:
        publish_word(out, "new", snapshot=date(2026, 11, 22))

    publish_word(out, "old")
    call = 0
    while (code := in_a_child(work, call := call + 1, refusing(number))) in (0, SAID):
        assert not (out / "releases" / ".staging").exists() or code == 0
        assert manifest.verify(out) == []
        words = {(out / name).read_text().split()[0] for name in NAMES}
        assert words == ({"new"} if releases.resolve(out).name == run_id("new") else {"old"})
        if "new" in words:
            publish_word(out, "old")
    assert code == UNHARMED
    assert call > 50


@needs_fork
def test_a_full_disk_keeps_the_old_and_says_so(out: Path) -> None:
    publish_word(out, "old")
    before = state(out)
    code = (
        "import resource, sys; from pathlib import Path; from pipeline.run import publish\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "with publish.staging(Path(sys.argv[1])) as stage:\n"
        "    (stage / 'novostroiki.duckdb').write_bytes(bytes(1_000_000))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(out)], capture_output=True, text=True, check=False)
    assert "RunError: There is no room left on the disk" in done.stderr
    assert state(out) == before


def readers_through(out: Path, readers: int, publications: int) -> list[int]:
    """Let several processes read several files of a release through many publications; return how each ended."""
    publish_word(out, "0")
    children = []
    for _ in range(readers):
        child = os.fork()
        if child == 0:
            code = 0
            try:
                while not (out.parent / "end").exists() and code == 0:
                    with releases.held(out) as release:
                        words = set()
                        for name in NAMES:
                            words.add((release / name).read_text().split()[0])
                            time.sleep(0.001)
                        code = 0 if len(words) == 1 else 1
            except BaseException:  # noqa: BLE001 - whatever it is, a reader failed
                code = 2
            os._exit(code)
        children.append(child)
    for number in range(1, publications + 1):
        publish_word(out, str(number))
    (out.parent / "end").touch()
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


@needs_fork
def test_readers_of_several_files_see_one_release_through_many_publications(out: Path) -> None:
    """What resolves the pointer once, and holds, is never mixed and never fails."""
    assert readers_through(out, readers=4, publications=40) == [0] * 4
