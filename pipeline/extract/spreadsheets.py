"""Tables as offices keep them: CSV of any dialect and workbooks of Excel, as rows of text under the columns wanted."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, NamedTuple

import python_calamine

from pipeline.errors import InputError
from pipeline.extract.local_files import Format

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    Cells = list[str]

FORMATS = (
    Format("CSV of any office: commas, semicolons or tabs; UTF-8, UTF-16 or Windows-1251", '"registered.csv"'),
    Format("Excel (.xlsx, .xlsb, .xls) or .ods", '"registered.xlsx"', "the first sheet with the columns"),
)
"""What the keys of tables take."""
_WORKBOOK_MAGIC = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""Of .xlsx, .xlsb and .ods, which are zips, and of .xls."""
_DELIMITERS = ",;\t"
_TITLE_ROWS = 30
"""Rows at the top that may hold titles before the header."""
_SMALL = re.compile("[а-яё]")
_SPACES = re.compile(r"[\s\u00a0\u2009\u202f'’]+")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_UNIT_OF_TITLE = re.compile(r"\(.*?\)|,.*$|[*:]")
"""What stands behind a title: "Зарегистрировано, чел.", "Год (на начало)"."""
_SHOWN = 200
_MAX_CELLS = 2_000_000
"""Of a sheet: a register of a city has some hundred rows, a repeated empty one a million."""


class Table(NamedTuple):
    """Rows of text under the columns that were asked for.

    Attributes
    ----------
    rows
        Cells in the order of the columns, by the row as an editor counts it; where a table has a column for each year,
        by row and year ("5 (2021)").
    notes
        Rows with nothing but a text in their first cell, such as remarks below a table.
    """

    rows: dict[str, Cells]
    notes: dict[int, str]


class ByYear(NamedTuple):
    """The columns that a table with a column for each year stands for: of the year, of the figure, of its source."""

    year: str
    figure: str
    source: str


def read(
    path: Path, columns: Mapping[str, Sequence[str]], by_year: ByYear | None = None, optional: Collection[str] = ()
) -> Table:
    """Read the columns of a table.

    Parameters
    ----------
    path
        CSV in UTF-8, UTF-16 or Windows-1251, separated by commas, semicolons or tabs; or .xlsx, .xlsb, .xls, .ods, of
        which the first sheet with such a header is read, merged cells being filled.
    columns
        Other names of each column (lower case), by its own; their order in the file is free, others are passed over.
    by_year
        Read a table whose figures stand in a column for each year ("2021", "на 01.01.2022") as well; where it has no
        column of sources, the source is the file.
    optional
        Columns that a file may lack; their cells are then empty.

    Raises
    ------
    InputError
        There is no such header, or the text is no table.
    """
    with path.open("rb") as file:
        is_workbook = file.read(4) in _WORKBOOK_MAGIC
    sheets = _sheets(path) if is_workbook else [_text_rows(path, columns, optional)]
    for rows in sheets:
        for number in list(rows)[:_TITLE_ROWS]:
            places = _places(rows[number], columns, optional)
            if places is not None:
                below = {row: cells for row, cells in rows.items() if row > number}
                return _picked(below, places, len(rows[number]), path, strict=not is_workbook)
    for rows in sheets:
        for number in list(rows)[:_TITLE_ROWS]:
            found = by_year and _years(rows[number], columns, by_year)
            if by_year and found:
                below = {row: cells for row, cells in rows.items() if row > number}
                wide = _picked(below, [*found.values()], len(rows[number]), path, strict=not is_workbook)
                return _unfolded(wide, list(found), columns, by_year, path)
    first = next((",".join(cells) for rows in sheets for cells in rows.values()), "")
    expected = ",".join(name for name in columns if name not in optional)
    msg = f"{path}: row 1 is {first[:_SHOWN]!r}, but the header must be {expected!r}; correct the first line."
    raise InputError(msg)


def number(text: str) -> str:
    """Return a number as a program writes it: without marks between thousands, with a decimal point."""
    plain = _SPACES.sub("", text)
    if _THOUSANDS.fullmatch(plain):
        return plain.replace(",", "")
    return plain.replace(",", ".") if plain.count(",") == 1 else plain


def year(text: str) -> str:
    """Return the year of a cell such as "2024 г." or of a date."""
    found = re.fullmatch(r"(\d{4})(?:-\d\d-\d\d.*|\s*(?:г|г\.|год|ж|ж\.|жыл|жылы)|\.0+)?", text.strip(), re.IGNORECASE)
    return found[1] if found else text


def _places(
    cells: Cells, columns: Mapping[str, Sequence[str]], optional: Collection[str] = ()
) -> list[int | None] | None:
    """Return where each column stands in a header (None: it is missing, and may be); None: the row is none."""
    titles = [" ".join(_UNIT_OF_TITLE.sub("", cell.lower()).split()) for cell in cells]
    places: list[int | None] = []
    for name, others in columns.items():
        place = next((titles.index(title) for title in (name, *others) if title in titles), None)
        if place is None and name not in optional:
            return None
        places.append(place)
    return places


_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


def _years(cells: Cells, columns: Mapping[str, Sequence[str]], by_year: ByYear) -> dict[str, int | None] | None:
    """Return the places of the columns in a header that has one for each year, by its year; None: it has none."""
    years: dict[str, int | None] = {
        found[0]: place for place, cell in enumerate(cells) if len(found := _YEAR.findall(cell)) == 1
    }
    others = {name: titles for name, titles in columns.items() if name not in {by_year.year, by_year.figure}}
    with_source = _places(cells, others)
    if with_source is None:
        del others[by_year.source]
        with_source = _places(cells, others)
    return None if with_source is None or not years else dict(zip(others, with_source, strict=True)) | years


def _unfolded(
    wide: Table, titles: Sequence[str], columns: Mapping[str, Sequence[str]], by_year: ByYear, path: Path
) -> Table:
    """Return a row for each year of which a row has a figure."""
    rows = {}
    for row, cells in wide.rows.items():
        told = dict(zip(titles, cells, strict=True))
        for title in titles:
            if title.isdecimal() and told[title]:
                cell = {by_year.source: path.name, **told, by_year.year: title, by_year.figure: told[title]}
                rows[f"{row} ({title})"] = [cell[name] for name in columns]
    return Table(rows, wide.notes)


def _picked(rows: Mapping[int, Cells], places: Sequence[int | None], width: int, path: Path, *, strict: bool) -> Table:
    """Return the cells of the columns; in CSV each row must have as many as the header."""
    table, notes = {}, {}
    for number_, cells in rows.items():
        if not any(cells):
            continue
        filled = [cell for cell in cells if cell]
        if len(filled) == 1 and cells[0] and (not strict or len(cells) in {1, width}):
            notes[number_] = filled[0]
            continue
        if strict and len(cells) != width:
            msg = f"{path}, row {number_}: {len(cells)} cells instead of {width}; quote cells that hold a comma."
            raise InputError(msg)
        padded = [*cells, *[""] * (width - len(cells))]
        table[str(number_)] = ["" if place is None else padded[place] for place in places]
    return Table(table, notes)


def _text_rows(path: Path, columns: Mapping[str, Sequence[str]], optional: Collection[str]) -> dict[int, Cells]:
    """Return the records of a CSV file by the line on which they end."""
    text = _decoded(path)
    head = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    rows: dict[int, Cells] = {}
    try:
        for cells in reader:
            rows[reader.line_num] = [cell.strip() for cell in cells]
    except csv.Error as error:
        if not any(_places(cells, columns, optional) for cells in rows.values()):
            return rows
        msg = f"{path}, row {reader.line_num}: {error}; save it as plain CSV again."
        raise InputError(msg) from error
    return rows


def _decoded(path: Path) -> str:
    data = path.read_bytes()
    for encoding in _encodings(data):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            problem = error
    msg = f"{path} is not UTF-8 text (byte {problem.start:,}); save it as CSV in UTF-8."
    raise InputError(msg) from problem


def _encodings(data: bytes) -> tuple[str, ...]:
    """Return the encodings that a text may be in, the likeliest first."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return ("utf-16",)
    for zeros, encoding in ((data[1::2], "utf-16-le"), (data[::2], "utf-16-be")):
        if zeros.count(0) > len(zeros) // 2:
            return (encoding,)
    # Both take nearly any bytes; in the wrong one, Russian text is mostly signs and capitals.
    of_windows = len(_SMALL.findall(data.decode("cp1251", "replace")))
    of_dos = len(_SMALL.findall(data.decode("cp866", "replace")))
    return ("utf-8-sig", "cp866", "cp1251") if of_dos > of_windows else ("utf-8-sig", "cp1251")


def _sheets(path: Path) -> list[dict[int, Cells]]:
    """Return the cells of each sheet as text, by row; a merged cell stands in every place that it covers."""
    try:
        workbook = python_calamine.CalamineWorkbook.from_path(path)
        return [_sheet(workbook.get_sheet_by_index(index)) for index in range(len(workbook.sheet_names))]
    except (python_calamine.CalamineError, ValueError, OSError) as error:
        msg = f"{path} cannot be read as a workbook ({str(error).rstrip('.')}); save it as .xlsx or CSV again."
        raise InputError(msg) from error


def _sheet(sheet: python_calamine.CalamineSheet) -> dict[int, Cells]:
    if sheet.height * sheet.width > _MAX_CELLS:
        msg = f"its sheet {sheet.name} has {sheet.height:,} rows of {sheet.width:,} cells"
        raise ValueError(msg)
    rows = [[_cell(value) for value in cells] for cells in sheet.to_python(skip_empty_area=False)]
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        for row in range(top, min(bottom + 1, len(rows))):
            for column in range(left, min(right + 1, len(rows[row]))):
                rows[row][column] = rows[row][column] or rows[top][left]
    return dict(enumerate(rows, start=1))


def _cell(value: object) -> str:
    """Return a cell as text; whole numbers without a decimal point, which Excel does not know."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
