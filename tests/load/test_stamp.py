from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipeline.load import stamp

if TYPE_CHECKING:
    from pathlib import Path


def test_every_page_names_its_release_and_what_it_was_linked_to_stays(tmp_path: Path) -> None:
    kept = tmp_path / "kept.html"
    kept.write_text('<!doctype html><html><head lang="en"><title>a</title></head><header></header></html>')
    folder = tmp_path / "out" / "maps"
    folder.mkdir(parents=True)
    os.link(kept, folder / "index.html")
    (folder / "snippet.html").write_text("<iframe></iframe>")
    stamp.stamp_pages(tmp_path / "out", "0123456789abcdef")
    page = (folder / "index.html").read_text()
    assert '<head lang="en"><meta name="release" content="0123456789abcdef"><title>' in page
    assert "release" not in kept.read_text()
    assert (folder / "snippet.html").read_text() == "<iframe></iframe>"
