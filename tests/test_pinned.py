"""The two files that pin versions agree, and neither says where packages come from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PINNED = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[\w.!+]+)(?P<marker> ; [^\\]*?)?(?: \\)?$", re.MULTILINE)


def read(name: str) -> list[tuple[str, str]]:
    """Return name and version of every line of a file that pins a package; several where Pythons differ."""
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    return [(found["name"], found["version"]) for found in PINNED.finditer(text)]


def test_both_files_pin_the_same_versions() -> None:
    every, hashed = read("constraints.txt"), read("requirements.txt")
    names = {name for name, _ in hashed}
    assert hashed == [pin for pin in every if pin[0] in names]


def test_every_package_of_a_run_has_its_hashes() -> None:
    hashed = read("requirements.txt")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    wanted += project["dependency-groups"]["build"]
    names = {re.split(r"[><=~!\[; ]", requirement)[0].lower().replace("_", "-") for requirement in wanted}
    assert names <= {name for name, _ in hashed}
    blocks = re.split(r"\n(?=\S)", (ROOT / "requirements.txt").read_text(encoding="utf-8").strip())
    assert len(blocks) == len(hashed)
    for block in blocks:
        assert re.search(r"\\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\\n)?)+$", block), block.split()[0]
