"""Writes the files of the journalist's kit, and the public map page, of one area."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pandas as pd
import shapely

from pipeline.load.press_kit import captions, figures, page, static_graphic, texts
from pipeline.schema.vocabulary import LANGUAGES, QUANTITIES
from pipeline.wording.cells import guarded
from pipeline.wording.texts import WORD_JOINER

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.load.press_kit.figures import Kit


def build(public: Path, area_id: str) -> Path:
    """Write the kit of an area, and its public map page, into the public edition.

    Parameters
    ----------
    public
        The folder of the public edition; its tables are read.
    area_id
        The area.

    Returns
    -------
    Path
        The folder of the kit, ``<public>/embed/<area>``; the page is in ``<public>/maps/<area>``.

    Raises
    ------
    InputError
        There is no public edition, or it does not hold the area.
    """
    kit = figures.read(public, area_id)
    folder = public / "embed" / area_id
    folder.mkdir(parents=True, exist_ok=True)
    fill(folder, kit)
    page_path = public / "maps" / area_id / "index.html"
    page_path.parent.mkdir(parents=True, exist_ok=True)
    _write(page_path, page.render(kit, files=f"../../embed/{area_id}/"))
    return folder


def fill(folder: Path, kit: Kit) -> None:
    """Write the files of a kit into an existing folder.

    These are `index.html`, `snippet.html`, `embed.js`, `graphic.<language>.svg` and `.png`, `caption.<language>.txt`,
    `settlements.csv` and `grid.csv`.
    """
    _write(folder / "index.html", page.render(kit))
    _write(folder / "snippet.html", page.snippet(kit))
    _write(folder / "embed.js", page.resizer())
    note = _note(kit)
    _write(folder / "settlements.csv", _settlements_csv(kit, note))
    _write(folder / "grid.csv", _grid_csv(kit, note))
    for code in LANGUAGES:
        language = texts.load(code)
        sentences = captions.compose(kit, language)
        drawing = static_graphic.draw(kit, language)
        _write(folder / f"graphic.{code}.svg", drawing)
        (folder / f"graphic.{code}.png").write_bytes(static_graphic.render(drawing))
        _write(
            folder / f"caption.{code}.txt",
            f"{sentences.caption} {sentences.licence}\n\n{sentences.alt}\n\n{language('impact_note')}\n",
        )


def _write(path: Path, text: str) -> None:
    path.write_text(text.replace(WORD_JOINER, "") if path.suffix == ".txt" else text, encoding="utf-8", newline="\n")


def _note(kit: Kit) -> str:
    english = texts.load("en")
    simulated = f"{english('simulated')} " if kit.simulated else ""
    restricted = f" {english('licence.noncommercial')}" if "-NC" in kit.licence else ""
    return f"{simulated}{english('disclaimer')} {english('impact_note')}{restricted}"


def _settlements_csv(kit: Kit, note: str) -> str:
    rows = pd.DataFrame(kit.tables["settlements"]).drop(columns=["geometry", "area_id"])
    people = kit.tables["settlement_population"].set_index("settlement_id")
    told = [f"{quantity}_{q}" for quantity in QUANTITIES for q in ("p05", "p50", "p95")]
    for column in (*told, "residents_evidence", "registration_evidence"):
        # By a dict: pandas 3.1 cannot join on a column of texts that a filter has emptied.
        rows[column] = rows["settlement_id"].map(people[column].to_dict())
    return _csv(rows.sort_values("settlement_id"), note)


def _grid_csv(kit: Kit, note: str) -> str:
    cells = kit.tables["grid"]
    middles = shapely.centroid(cells.geometry.to_numpy())
    rows = pd.DataFrame(cells).drop(columns=["geometry", "area_id"])
    return _csv(rows.assign(lon=shapely.get_x(middles).round(5), lat=shapely.get_y(middles).round(5)), note)


def _csv(rows: pd.DataFrame, note: str) -> str:
    """Return rows as CSV; every row carries the note, since rows are copied out of their files."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*rows.columns, "note"])
    for row in rows.itertuples(index=False):
        writer.writerow([*(_cell(value) for value in row), note])
    return stream.getvalue()


def _cell(value: Any) -> Any:  # noqa: ANN401 - a cell of any column
    if pd.isna(value):
        return ""
    if isinstance(value, str):
        return guarded(texts.clean(value))
    return int(value) if isinstance(value, float) and value.is_integer() else value
