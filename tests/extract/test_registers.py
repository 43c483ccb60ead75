"""CSV tables of residents and surveys: what is right comes through, what is wrong is named by its row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.extract import registers
from tests.extract.osm_files import AREA

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "name,registered,year,source\n"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_registered_residents_come_typed_and_sorted(tmp_path: Path) -> None:
    text = "\ufeff" + HEADER + 'Ак-Жар,1200,2021,"office, by letter"\r\n,835700,2009,census\r\n\r\n'
    extract = registers.read_registered(write(tmp_path, text), AREA)
    assert extract.data.to_dict("records") == [
        {"name": "", "registered": 835_700, "year": 2009, "source": "census"},
        {"name": "Ак-Жар", "registered": 1200, "year": 2021, "source": "office, by letter"},
    ]
    assert extract.data["registered"].dtype == "int64"
    source = extract.sources[0]
    assert (source.source_id, source.version, source.features) == ("registered/testtown/1", "2021", 2)


def test_a_survey_is_read_likewise(tmp_path: Path) -> None:
    extract = registers.read_survey(write(tmp_path, "settlement,houses,persons\nB,10,55\nA,3,0\n"), AREA)
    assert extract.data["settlement"].tolist() == ["A", "B"]
    assert extract.sources[0].dataset == "survey"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", r"row 1 is ''.*header must be 'name,registered,year,source'"),
        ("name,people,year,source\nA,5,2020,x\n", "row 1 is 'name,people,year,source'.*correct the first line"),
        (HEADER, "has a header but no rows"),
        (HEADER + "A,5,2020,x\nB,-1,2020,x\n", "row 3: registered = '-1' must be a count of persons"),
        (HEADER + "A,5.5,2020,x\n", "row 2: registered = '5.5' must be .* a whole number"),
        (HEADER + "A,9e99,2020,x\n", "row 2: registered = '9e99' must be .* from 0 to 50000000"),
        (HEADER + "A,inf,2020,x\n", "row 2: registered = 'inf'"),
        (HEADER + "A,many,2020,x\n", "row 2: registered = 'many' is not a number"),
        (HEADER + "A,,2020,x\n", "row 2: registered = '' is not a number"),
        (HEADER + "A,5,202,x\n", "row 2: year = '202' must be a year, from 1900 to 2100"),
        (HEADER + "\nA,5,2020,\n", "row 3: source = '' must say where the figure comes from"),
        (HEADER + "A,5,2020,x\nA,6,2020,x\n", "row 2: name = 'A' stands in more than one row"),
        (HEADER + "A,5,2020\n", "row 2: 3 cells instead of 4"),
        (HEADER + "A,5,2020,x,y\n", "row 2: 5 cells instead of 4"),
        (HEADER + 'A,5,2020,"x\n', "row 2: unexpected end of data"),
        (HEADER + "x" * 300 + ",5,2020,x\n", "row 2: name = 'x+' must be a name of 0 to 255 characters"),
        (HEADER + "Көк-Жар,5,2020,x\nкок жар,6,2020,x\n", "row 2: name = 'Көк-Жар' stands in more than one row"),
        (HEADER + "Итого,5,2020,x\n", "has a header but no rows"),
        ("name,registered\nАк-Жар,5\n", "the header must be 'name,registered,year,source'"),
        (b"PK\x03\x04 no workbook", "cannot be read as a workbook"),
    ],
)
def test_a_wrong_table_is_refused_by_row(text: str | bytes, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=reason) as caught:
        registers.read_registered(path, AREA)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no file .*inputs.survey"):
        registers.read_survey(tmp_path / "none.csv", AREA)


@given(st.text(max_size=200))
def test_any_text_is_a_table_or_one_sentence(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = write(tmp_path_factory.mktemp("any"), (HEADER + text).encode("utf-8", "replace"))
    try:
        table = registers.read_registered(path, AREA).data
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert table["registered"].between(0, 50_000_000).all()


OFFICE = [
    ["Название", "Зарегистрировано", "Год", "Источник"],
    ["Ак-Жар", 1200, 2024, "стат"],
    ["Кок-Жар", 835, 2024, "стат"],
]
EXPECTED = [("Ак-Жар", 1200, 2024, "стат"), ("Кок-Жар", 835, 2024, "стат")]


def read_rows(path: Path) -> list[tuple[object, ...]]:
    return list(registers.read_registered(path, AREA).data.itertuples(index=False, name=None))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_text_of_any_office_is_read(encoding: str, delimiter: str, tmp_path: Path) -> None:
    lines = [delimiter.join(f'"{cell}"' for cell in row) for row in OFFICE]
    assert read_rows(write(tmp_path, "\r\n".join(lines).encode(encoding))) == EXPECTED


@pytest.mark.parametrize(
    ("written", "read"),
    [("1 200", 1200), ("1\u00a0200", 1200), ("1200,0", 1200), ("1,200", 1200), ("1 200,00", 1200), ("1200.0", 1200)],
)
def test_numbers_as_people_write_them(written: str, read: int, tmp_path: Path) -> None:
    text = f"name;registered;year;source\nА;{written};2024 г.;x\n"
    assert read_rows(write(tmp_path, text)) == [("А", read, 2024, "x")]


def workbook(path: Path, rows: list[list[object]], merged: str = "", before: list[list[object]] | None = None) -> Path:
    book = openpyxl.Workbook()
    book.active.append(["Содержание"])
    sheet = book.create_sheet("Реестр")
    for row in [*(before or []), *rows]:
        sheet.append(row)
    if merged:
        sheet.merge_cells(merged)
    book.save(path)
    return path


def test_a_workbook_is_read_from_the_sheet_that_has_the_header(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", OFFICE, before=[["Сведения о прописке"], []])
    assert read_rows(path) == EXPECTED


def test_a_merged_cell_holds_for_all_its_rows(tmp_path: Path) -> None:
    rows: list[list[object]] = [OFFICE[0], ["Ак-Жар", 1100, 2023, "стат"], [None, 1200, 2024, "стат"]]
    found = read_rows(workbook(tmp_path / "a.xlsx", rows, merged="A2:A3"))
    assert found == [("Ак-Жар", 1100, 2023, "стат"), ("Ак-Жар", 1200, 2024, "стат")]


@pytest.mark.parametrize(
    ("header", "source"),
    [
        ("Новостройка;2021;2022", "table.csv"),
        ("Новостройка;2021 г.;2022 г.;Источник", "паспортный стол"),
        ("№;Наименование;на 01.01.2021;на 01.01.2022", "table.csv"),
    ],
)
def test_years_may_be_columns(header: str, source: str, tmp_path: Path) -> None:
    first = "1;" if header.startswith("№") else ""
    last = ";паспортный стол" if "Источник" in header else ""
    text = f"{header}\n{first}Ак-Жар;1 200;1 350{last}\n{first}Ак-Бата;;90{last}\n"
    extract = registers.read_registered(write(tmp_path, text), AREA)
    assert extract.data.to_dict("records") == [
        {"name": "Ак-Бата", "registered": 90, "year": 2022, "source": source},
        {"name": "Ак-Жар", "registered": 1200, "year": 2021, "source": source},
        {"name": "Ак-Жар", "registered": 1350, "year": 2022, "source": source},
    ]
    bad = write(tmp_path, text.replace("1 350", "много"))
    with pytest.raises(InputError, match=r"row 2 \(2022\): registered = 'много' is not a number"):
        registers.read_registered(bad, AREA)


def test_totals_and_remarks_are_left_out_and_told(tmp_path: Path) -> None:
    rows = [*OFFICE, ["Итого:", 2035, 2024, "стат"], ["Примечание: без дач", None, None, None]]
    extract = registers.read_registered(workbook(tmp_path / "a.xlsx", rows), AREA)
    assert len(extract.data) == 2
    told = " | ".join(map(str, extract.notices))
    assert "row 4 (Итого: 2035) is a total (the rows add up to 2,035)" in told
    assert "Примечание" in told
