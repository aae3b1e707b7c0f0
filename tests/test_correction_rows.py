import csv
import io
import json
import sys
import unicodedata

import numpy as np
import pandas
import pytest

from fkd.correction_rows import (
    COLUMNS,
    HEADER,
    RowLinks,
    check_header,
    decode_line,
    encode_line,
    from_row,
    image_of,
    links_of,
    to_row,
)
from fkd.corrections import MAX_POINTS, Undo
from fkd.errors import CorrectionsError
from tests.correction_samples import NAN, a_correction

AN_UNDO = Undo(image="images/3f00e1.jpg", image_width=512, image_height=600, scheme="ibug68", supersedes="c1")

PEOPLES_TEXTS = [
    "",
    "Grace Hopper",
    "Łukasz Żółć 张伟 😀",
    'O"Brien, "Bob"; x',
    "'quoted'",
    "=1+1",
    " =1+1",
    "+31 6 1234",
    "-2",
    "@SUM(A1)",
    "＝cmd()",
    "\u00a0=1",
    "\ufeff=1",
    "007",
    " ends with a space ",
    "NA",
    "Ada;=1+1",
    "Ada; =cmd|' /C calc'!A0;'",
    ";;-1;'';",
]


def through_a_line(record):
    return from_row(decode_line(encode_line(to_row(record))))


def test_a_correction_comes_back_exactly():
    correction = a_correction(supersedes="c1")
    assert through_a_line(correction) == correction


def test_an_undo_comes_back_and_carries_no_points():
    row = to_row(AN_UNDO)
    assert through_a_line(AN_UNDO) == AN_UNDO
    assert row["action"] == "undo"
    assert {row[name] for name in ("box_xyxy", "predicted_xy", "corrected_xy", "confidence", "states")} == {""}


def test_random_points_come_back_within_a_hundredth_of_a_pixel():
    generator = np.random.default_rng(0)
    points = generator.uniform(-200, 12_000, (478, 2))
    values = {"confidence": generator.uniform(0, 1, 478), "states": ["confirmed"] * 478}
    back = through_a_line(a_correction(predicted_xy=points + 1, corrected_xy=points, **values))
    np.testing.assert_allclose(back.corrected_xy, points, atol=0.00501, rtol=0)
    np.testing.assert_allclose(back.predicted_xy, points + 1, atol=0.00501, rtol=0)


@pytest.mark.parametrize("text", PEOPLES_TEXTS)
def test_what_people_type_comes_back_exactly(text):
    correction = a_correction(annotator=text, model_version=text)
    assert through_a_line(correction) == correction


def test_missing_is_an_empty_cell_or_null_and_never_a_number():
    row = to_row(a_correction(annotator="", model_version=""))
    assert json.loads(row["corrected_xy"])[2] is None
    assert json.loads(row["predicted_xy"])[3] is None
    assert json.loads(row["confidence"])[3] is None
    assert row["supersedes"] == row["annotator"] == row["model_version"] == ""


@pytest.mark.parametrize("text", PEOPLES_TEXTS)
def test_no_cell_starts_a_formula(text):
    for record in (a_correction(annotator=text, model_version=text), AN_UNDO):
        line = encode_line(to_row(record)).decode()
        # Where the comma is the decimal sign, spreadsheets split at semicolons, whatever is in quotes.
        for cell in [*to_row(record).values(), *line.split(";")]:
            shown = unicodedata.normalize("NFKC", cell).lstrip(" \t\r\n\ufeff\u200b\0")
            assert not shown.startswith(("=", "+", "-", "@", "|", "%"))


def test_no_first_character_at_all_can_start_a_formula():
    row = to_row(a_correction())
    allowed = [chr(code) for code in range(0x20, sys.maxunicode + 1) if chr(code).isalpha()]
    assert row["annotator"][0] in allowed
    for letter in allowed:
        if unicodedata.normalize("NFKC", letter).startswith((" ", "\t", "\r", "=", "+", "-", "@")):
            assert to_row(a_correction(annotator=letter + "=1"))["annotator"] == f"'{letter}=1"


def test_the_largest_correction_fits_into_the_cells_of_a_spreadsheet():
    far = np.full((MAX_POINTS, 2), -99_999.99)
    values = {"confidence": np.full(MAX_POINTS, 0.1234), "states": ["untouched"] * MAX_POINTS}
    row = to_row(a_correction(predicted_xy=far, corrected_xy=far, **values))
    assert max(map(len, row.values())) < 32_767


def test_the_csv_module_reads_a_line_as_it_was_meant():
    correction = a_correction(annotator='O"Brien, =Bob')
    header, cells = csv.reader(io.StringIO((HEADER + encode_line(to_row(correction))).decode("utf-8"), newline=""))
    assert tuple(header) == COLUMNS
    assert dict(zip(header, cells, strict=True)) == to_row(correction)


def test_pandas_reads_the_file_with_the_right_types():
    saved = a_correction(annotator="007", model_version="1.10")
    text = HEADER + encode_line(to_row(saved)) + encode_line(to_row(AN_UNDO))
    table = pandas.read_csv(io.BytesIO(text))
    assert list(table.columns) == list(COLUMNS)
    assert table[["schema_version", "image_width", "image_height"]].dtypes.eq("int64").all()
    assert pandas.api.types.is_string_dtype(table["id"])
    assert table["annotator"][0] == "'007"
    assert table["model_version"][0] == "'1.10"
    assert pandas.to_datetime(table["time_utc"]).dt.tz is not None
    assert table["supersedes"].isna().tolist() == [True, False]
    assert np.array(json.loads(table["corrected_xy"][0])[1]).tolist() == saved.corrected_xy[1].tolist()
    assert table["states"][0].split() == list(saved.states)


def test_pandas_reads_names_as_they_are_the_way_the_readme_says():
    text = HEADER + encode_line(to_row(a_correction(annotator="NA", model_version=""))) + encode_line(to_row(AN_UNDO))
    names = {"annotator": str, "model_version": str}
    table = pandas.read_csv(io.BytesIO(text), dtype=names, keep_default_na=False)
    assert table["annotator"].tolist() == ["NA", ""]
    assert table["model_version"].tolist() == ["", ""]
    assert table["image_width"].dtype == "int64"
    saves = table[table["action"] == "save"]
    assert saves["corrected_xy"].map(json.loads)[0][2] is None


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("schema_version", "2", "newer fkd"),
        ("action", "sav", "action is 'sav'"),
        ("action", "undo", "carries no points"),
        ("image_width", "512.0", "image_width is"),
        ("image_width", "", "image_width is"),
        ("box_xyxy", "", "box_xyxy is not a JSON array"),
        ("box_xyxy", "[1,2,3]", "box_xyxy has shape"),
        ("box_xyxy", '["1",2,3,4]', "numbers and null only"),
        ("corrected_xy", "{}", "corrected_xy is not a JSON array"),
        ("corrected_xy", "[NaN,NaN,NaN,NaN]", "corrected_xy is not a JSON array"),
        ("corrected_xy", "[0,0,0,0]", r"\[x, y\] or null"),
        ("corrected_xy", "[[1,null],null,null,null]", "one coordinate only"),
        ("corrected_xy", "[[true,1],null,null,null]", "numbers and null only"),
        ("corrected_xy", "[[1" + "0" * 400 + ",1],null,null,null]", "far too large"),
        ("corrected_xy", "[" * 100_000, "not a JSON array"),
        ("confidence", "[-1,0,0,0]", "confidence has a number outside"),
        ("image", "images/../corrections.csv", "image is"),
        ("annotator", "two\rlines", "annotator has a line break"),
    ],
)
def test_a_damaged_cell_is_refused_by_name(column, cell, message):
    row = to_row(a_correction()) | {column: cell}
    with pytest.raises(CorrectionsError, match=message):
        from_row(row)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"a,b,c\n", "3 cells instead of 16"),
        (b"\xff\xfe\n", "not UTF-8"),
        (b"a,\0,c\n", "NUL"),
        (b'"a,b\n', "told apart"),
        (b'"a"b,c\n', "told apart"),
    ],
)
def test_a_line_that_is_no_row_is_refused(line, message):
    with pytest.raises(CorrectionsError, match=message):
        decode_line(line)


def test_a_line_cut_short_anywhere_never_passes_for_a_row():
    line = encode_line(to_row(a_correction(annotator='Łu "Bob"'))).rstrip(b"\n")
    for length in range(len(line)):
        with pytest.raises(CorrectionsError):
            from_row(decode_line(line[:length]))


@pytest.mark.parametrize(
    "line", [HEADER, HEADER.rstrip(b"\n"), HEADER.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + HEADER]
)
def test_the_header_is_known_also_after_a_spreadsheet_saved_it(line):
    check_header(line)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"left_eye_center_x,left_eye_center_y,Image\n", "lacks id, time_utc.*another tool"),
        (b"\n", "lacks id"),
        (HEADER.replace(b",", b";"), "separated by semicolons"),
        (HEADER.replace(b",", b"\t"), "separated by tabs"),
        (HEADER.decode().encode("utf-16"), "UTF-16"),
        (b"\x89PNG\r\n", "not a CSV text file"),
        (b"SQLite format 3\0", "not a CSV text file"),
        (HEADER.replace(b"action", b"action,mood"), r"newer fkd \(columns mood"),
        (HEADER.replace(b"id,time_utc", b"time_utc,id"), "another order"),
        (HEADER.replace(b",states", b""), "lacks states:"),
    ],
)
def test_the_header_of_another_file_is_refused_with_what_to_do(line, message):
    with pytest.raises(CorrectionsError, match=message):
        check_header(line)


def test_nan_in_memory_is_what_null_was_in_the_file():
    back = through_a_line(a_correction())
    np.testing.assert_array_equal(back.predicted_xy[3], [NAN, NAN])


@pytest.mark.parametrize("text", PEOPLES_TEXTS)
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_the_links_of_a_line_are_those_of_its_row(text, quoting):
    for record in (a_correction(annotator=text, model_version=text, supersedes="c1"), a_correction(), AN_UNDO):
        row = to_row(record)
        written = io.StringIO()
        csv.writer(written, quoting=quoting, lineterminator="").writerow(row.values())
        line = written.getvalue().encode()
        assert links_of(line) == RowLinks(*(row[name] for name in RowLinks._fields))
        assert image_of(line).decode() == record.image


def test_the_links_of_a_row_are_had_without_decoding_it(monkeypatch):
    line = encode_line(to_row(a_correction())).rstrip(b"\n")
    monkeypatch.setattr("fkd.correction_rows.decode_line", None)
    assert links_of(line).image == "images/3f00e1.jpg"


def test_a_line_cut_short_anywhere_has_no_links():
    line = encode_line(to_row(a_correction(annotator='Łu "Bob"', supersedes="c1"))).rstrip(b"\n")
    for length in range(len(line)):
        with pytest.raises(CorrectionsError):
            from_row(decode_line(line[:length])) and links_of(line[:length])
        if line[:length].count(b",") < 15:
            with pytest.raises(CorrectionsError):
                links_of(line[:length])
