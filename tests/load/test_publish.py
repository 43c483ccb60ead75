from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import InputError, RunError
from pipeline.run import manifest, publish

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL, which Windows lacks")


def _build(stage: Path, word: str) -> None:
    for name in ("novostroiki.duckdb", "tables/areas.parquet", "maps/osh/index.html"):
        path = stage / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{word} {name}")
    files = manifest.list_files(stage)
    (stage / manifest.NAME).write_text(json.dumps({"files": files}))


def _publish(out: Path, word: str, failure: BaseException | None = None) -> None:
    with publish.staging(out) as stage:
        _build(stage, word)
        if failure is not None:
            raise failure


def _state(out: Path) -> dict[str, str]:
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def _beside(out: Path) -> list[str]:
    return sorted(entry.name for entry in out.parent.iterdir() if entry != out)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "cities" / "out"


def test_publishes_a_new_folder_and_replaces_it_whole(out: Path) -> None:
    _publish(out, "first")
    (out / "maps" / "osh" / "old.txt").touch()
    _publish(out, "second")
    assert (out / "tables" / "areas.parquet").read_text() == "second tables/areas.parquet"
    assert not (out / "maps" / "osh" / "old.txt").exists()
    assert _beside(out) == []


@pytest.mark.parametrize("failure", [RuntimeError("no"), KeyboardInterrupt(), RunError("no")])
def test_a_failed_run_keeps_the_old(out: Path, failure: BaseException) -> None:
    _publish(out, "first")
    before = _state(out)
    with pytest.raises(type(failure)):
        _publish(out, "second", failure)
    assert _state(out) == before
    assert _beside(out) == []


def test_snapshots_and_notes_are_carried_over(out: Path) -> None:
    _publish(out, "first")
    (out / "snapshots" / "2026-01-01").mkdir(parents=True)
    (out / "snapshots" / "2026-01-01" / "novostroiki.duckdb").write_text("january")
    (out / "notes.txt").write_text("mine")
    (out / "latest").symlink_to("snapshots")
    with publish.staging(out) as stage:
        _build(stage, "second")
        (stage / "snapshots" / "2026-02-01").mkdir(parents=True)
        (stage / "snapshots" / "2026-02-01" / "novostroiki.duckdb").write_text("february")
    assert (out / "snapshots" / "2026-01-01" / "novostroiki.duckdb").read_text() == "january"
    assert (out / "snapshots" / "2026-02-01" / "novostroiki.duckdb").read_text() == "february"
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "latest").readlink() == Path("snapshots")


def test_a_folder_with_other_files_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(InputError, match="are not outputs of novostroiki"), publish.staging(tmp_path):
        pass
    assert (tmp_path / "thesis.docx").read_text() == "years of work"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files_": 1}'])
def test_a_manifest_that_is_none_is_one_sentence(out: Path, text: str) -> None:
    out.mkdir(parents=True)
    (out / manifest.NAME).write_text(text)
    with pytest.raises(InputError, match="manifest"), publish.staging(out) as stage:
        _build(stage, "second")
    assert (out / manifest.NAME).read_text() == text


def test_a_file_or_a_mount_point_cannot_be_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, says in ((tmp_path / "file", "is a file"), (Path("/"), "top of a file system")):
        with pytest.raises(InputError, match=says), publish.staging(path):
            pass


def test_two_runs_at_once_are_refused(out: Path) -> None:
    with publish.staging(out) as stage:
        with pytest.raises(RunError, match="Another run is writing"), publish.staging(out):
            pass
        _build(stage, "first")
    _publish(out, "second")
    assert "second" in (out / "novostroiki.duckdb").read_text()


def _kill_at(call: int, out: Path, word: str, *, exchange: bool) -> bool:
    """Publish in a child that kills itself at its n-th operation on the file system; return whether it died."""
    child = os.fork()
    if child == 0:
        seen = 0

        def count(event: str, _: object) -> None:
            nonlocal seen
            if event == "open" or event.startswith(("os.", "shutil.", "ctypes.")):
                seen += 1
                if seen == call:
                    os.kill(os.getpid(), signal.SIGKILL)

        if not exchange:
            publish._exchange = lambda *_: False
        sys.addaudithook(count)
        _publish(out, word)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@needs_fork
def test_killed_at_any_moment_keeps_old_or_new_whole(out: Path, tmp_path: Path) -> None:
    _publish(out, "old")
    old = _state(out)
    _publish(tmp_path / "other", "new")
    new = _state(tmp_path / "other")
    call, after = 0, []
    while _kill_at(call := call + 1, out, "new", exchange=True):
        after.append(_state(out))
        assert after[-1] in (old, new)
        if after[-1] == new:
            _publish(out, "old")
    assert call > 50
    assert old in after
    assert new in after
    assert _state(out) == new
    assert _beside(out) == []


def _start_and_fail(out: Path) -> None:
    with contextlib.suppress(ZeroDivisionError), publish.staging(out):
        _ = 1 / 0


@needs_fork
def test_without_atomic_exchange_the_next_start_puts_it_right(out: Path, tmp_path: Path) -> None:
    _publish(out, "old")
    old = _state(out)
    _publish(tmp_path / "other", "new")
    new = _state(tmp_path / "other")
    call = 0
    while _kill_at(call := call + 1, out, "new", exchange=False):
        _start_and_fail(out)
        assert _state(out) in (old, new)
        assert _beside(out) == []
        if _state(out) == new:
            _publish(out, "old")
    assert _state(out) == new


@needs_fork
def test_a_full_disk_keeps_the_old_and_says_so(out: Path) -> None:
    _publish(out, "old")
    before = _state(out)
    code = (
        "import resource, sys; from pathlib import Path; from pipeline.run import publish\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "with publish.staging(Path(sys.argv[1])) as stage:\n"
        "    (stage / 'novostroiki.duckdb').write_bytes(bytes(1_000_000))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(out)], capture_output=True, text=True, check=False)
    assert "RunError: There is no room left on the disk" in done.stderr
    assert _state(out) == before
    assert _beside(out) == []
