"""The generated pages of the documentation are current."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.commands import doc_pages
from pipeline.declared import catalogue
from pipeline.schema.tables import TABLES

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.mark.parametrize("name", ["architecture.md", "inputs.md", "red_zones.md", "tables.md", "public_tables.md"])
def test_the_committed_page_is_current(name: str, tmp_path: Path) -> None:
    doc_pages.write(tmp_path)
    written = (tmp_path / name).read_text(encoding="utf-8")
    assert written == (DOCS / name).read_text(encoding="utf-8"), "run: python -m pipeline.commands.doc_pages docs"


def test_every_rule_and_every_column_has_its_line() -> None:
    zones = catalogue.default().red_zones
    page = doc_pages.red_zones_page(zones)
    for zone in zones.values():
        assert f'## <a id="{zone.id}"></a>{zone.title.en}' in page
        assert all(f"`{zone.rule_id(rule)}`" in page for rule in zone.rules)
    dictionary = doc_pages.tables_page(doc_pages._TABLES, TABLES)
    assert all(f"\n## {name}\n" in dictionary for name in TABLES)
    assert all(f"| `{column}` |" in dictionary for schema in TABLES.values() for column in schema.columns)
