"""CSV tables of residents and surveys: what is right comes through, what is wrong is named by its row."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        ("name;registered;year;source\nA;5;2020;x\n", "separate the columns by commas"),
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
        ("name,registered,year,source\nАк-Жар,5,2020,x\n".encode("cp1251"), "is not UTF-8 text"),
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
