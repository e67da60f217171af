"""What columns of every format and type become."""

import datetime
import decimal
import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.fakes.predictions import FORMATS, read, write

LABEL = [0, 1, 1]
PREDICTION = [0.25, 0.75, 0.5]


def one(folder, form="parquet", *, features=(), options=None, **columns):
    columns = {"label": LABEL, "prediction": PREDICTION} | columns
    return read(write(folder / f"candidate.{form}", columns, **(options or {})), None, *features)


@pytest.mark.parametrize("form", FORMATS)
def test_one_file_without_ids(tmp_path, form):
    found = one(tmp_path, form, segment=["a", "b", "a"], features=["segment", "other"])
    assert found.labels.tolist() == LABEL
    assert found.candidate.tolist() == PREDICTION
    assert found.baseline is None
    assert found.weights is None
    assert found.features == {"segment": ["a", "b", "a"]}
    assert (found.joined, found.rows, found.sizes) == ("position", 3, [3])


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("other", FORMATS)
def test_any_two_formats_are_joined_by_id(tmp_path, form, other):
    write(tmp_path / f"c.{form}", {"id": [7, 8, 9], "label": LABEL, "prediction": PREDICTION})
    write(tmp_path / f"b.{other}", {"id": [9, 7, 8], "prediction": [0.1, 0.2, 0.3]})
    found = read(tmp_path / f"c.{form}", tmp_path / f"b.{other}")
    assert sorted(zip(found.labels, found.candidate, found.baseline, strict=True)) == [
        (0, 0.25, 0.2), (1, 0.5, 0.1), (1, 0.75, 0.3),
    ]  # fmt: skip
    assert found.joined == "sorted"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("other", FORMATS)
def test_ids_of_text_are_the_same_in_any_two_formats(tmp_path, form, other):
    ids = ["é", "b" * 20, 'c,"d']
    write(tmp_path / f"c.{form}", {"id": ids, "label": LABEL, "prediction": PREDICTION})
    write(tmp_path / f"b.{other}", {"id": ids, "label": LABEL, "prediction": [0.1, 0.2, 0.3]})
    found = read(tmp_path / f"c.{form}", tmp_path / f"b.{other}")
    assert found.joined == "order"
    assert found.baseline.tolist() == [0.1, 0.2, 0.3]


@pytest.mark.parametrize("form", ["parquet", "arrow", "arrows", "feather", "npz"])
@pytest.mark.parametrize(
    ("stored", "handed_on"),
    [
        ("float16", "float32"), ("float32", "float32"), ("float64", "float64"), ("int8", "int8"), ("int64", "int64"),
        ("uint64", "uint64"), ("bool", "uint8"),
    ],
)  # fmt: skip
def test_numbers_keep_their_width(tmp_path, form, stored, handed_on):
    values = np.array([0, 1, 1]).astype(stored)
    found = one(tmp_path, form, label=values, prediction=values, weight=values)
    for column in (found.labels, found.candidate, found.weights):
        assert column.dtype == handed_on
        assert column.tolist() == [0, 1, 1]


@pytest.mark.parametrize("form", ["parquet", "arrow", "feather"])
def test_decimals_and_numbers_in_a_dictionary_are_numbers(tmp_path, form):
    price = pa.array([decimal.Decimal("1.25"), decimal.Decimal("-2.50"), decimal.Decimal(0)], pa.decimal128(9, 2))
    coded = pa.array([0.5, 0.25, 0.5]).dictionary_encode()
    found = one(tmp_path, form, label=price, prediction=coded)
    assert found.labels.tolist() == [1.25, -2.5, 0]
    assert found.candidate.tolist() == [0.5, 0.25, 0.5]


@pytest.mark.parametrize("form", FORMATS)
def test_several_columns_become_one_array(tmp_path, form):
    scores = np.array([[0.5, 0.25, 0.25], [0, 1, 0], [0.125, 0.125, 0.75]])
    columns = {f"prediction_{number}": scores[:, number] for number in (2, 0, 1)}
    columns |= {"label_1": [0, 1, 1], "label_0": [1, 0, 1], "id": [1, 2, 3]}
    found = read(write(tmp_path / f"c.{form}", columns))
    assert found.candidate.tolist() == scores.tolist()
    assert found.labels.tolist() == [[1, 0], [0, 1], [1, 1]]


def test_eleven_classes_stand_in_the_order_of_their_numbers(tmp_path):
    found = read(write(tmp_path / "c.parquet", {"label": [3]} | {f"prediction_{n}": [n / 16] for n in range(11)}))
    assert found.candidate.tolist() == [[n / 16 for n in range(11)]]


FEATURES = {
    "text": (pa.array(["a", None, "b"]), ["a", None, "b"]),
    "large text": (pa.array(["a", None, "b"], pa.large_string()), ["a", None, "b"]),
    "text view": (pa.array(["a", None, "b"], pa.string_view()), ["a", None, "b"]),
    "empty text": (pa.array(["", None, "b"]), ["", None, "b"]),
    "dictionary": (pa.array(["a", None, "b"]).dictionary_encode(), ["a", None, "b"]),
    "small dictionary": (pa.array(["a", None, "a"], pa.dictionary(pa.int8(), pa.string())), ["a", None, "a"]),
    "unsigned dictionary": (pa.array(["a", None, "a"], pa.dictionary(pa.uint8(), pa.string())), ["a", None, "a"]),
    "dictionary of numbers": (pa.array([5, None, 5]).dictionary_encode(), [5.0, None, 5.0]),
    "dictionary with a null in it": (
        pa.DictionaryArray.from_arrays(pa.array([0, 1, 2]), pa.array(["a", None, "b"])),
        ["a", None, "b"],
    ),
    "dictionary with a value twice": (
        pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array(["a", "a"])),
        ["a", "a", None],
    ),
    "boolean": (pa.array([True, None, False]), ["true", None, "false"]),
    "integer": (pa.array([5, None, -7]), [5.0, None, -7.0]),
    "small integer": (pa.array([5, 0, 7], pa.uint8()), [5.0, 0.0, 7.0]),
    "float": (pa.array([0.5, None, float("nan")], pa.float32()), [0.5, None, None]),
    "half float": (pa.array([np.float16(0.5), None, np.float16(2)], pa.float16()), [0.5, None, 2.0]),
    "decimal": (pa.array([decimal.Decimal("0.5"), None, decimal.Decimal(2)], pa.decimal128(5, 2)), [0.5, None, 2.0]),
    "date": (pa.array([datetime.date(2026, 1, 31), None, datetime.date(1969, 1, 1)]), ["2026-01-31", None, "1969-01-01"]),
    "time stamp": (
        pa.array([datetime.datetime(2026, 1, 31, 12, 30), None, datetime.datetime(1969, 1, 1)], pa.timestamp("s")),
        ["2026-01-31 12:30:00", None, "1969-01-01 00:00:00"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (form, name)
        for form in ("parquet", "arrow", "arrows", "feather")
        for name in FEATURES
        # Parquet cannot be written with the one, and has no whole seconds for the other.
        if not (form == "parquet" and name in ("dictionary with a null in it", "time stamp"))
    ],
)
def test_what_rows_are_sliced_by(tmp_path, form, name):
    column, values = FEATURES[name]
    assert one(tmp_path, form, segment=column, features=["segment"]).features == {"segment": values}


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (np.array(["b", "a", "b"]), ["b", "a", "b"]),
        (np.array([b"b", b"a", b"b"]), ["b", "a", "b"]),
        (np.array([True, False, True]), ["true", "false", "true"]),
        (np.array(["2026-01-31", "NaT", "2026-01-30"], "datetime64[D]"), ["2026-01-31", None, "2026-01-30"]),
        (np.array([1, 2, 3], ">i4"), [1, 2, 3]),
        (np.array([0.5, np.nan, 3], ">f4"), [0.5, None, 3]),
        (np.array([[1], [2], [3]]), [1, 2, 3]),
    ],
)
def test_features_in_npz(tmp_path, column, values):
    assert one(tmp_path, "npz", segment=column, features=["segment"]).features == {"segment": values}


def test_dictionaries_that_differ_from_row_group_to_row_group(tmp_path):
    table = pa.table({"label": [0] * 6, "prediction": [0.5] * 6, "segment": ["a", "b", "c", "b", "d", "a"]})
    schema = pa.schema(
        [("label", pa.int64()), ("prediction", pa.float64()), ("segment", pa.dictionary(pa.int32(), pa.string()))]
    )
    with pa.parquet.ParquetWriter(tmp_path / "c.parquet", schema) as writer:
        for start in range(0, 6, 2):
            writer.write_table(table.slice(start, 2).cast(schema))
    found = read(tmp_path / "c.parquet", None, "segment")
    assert found.features == {"segment": ["a", "b", "c", "b", "d", "a"]}
    assert found.sizes == [6]


@pytest.mark.parametrize("form", ["parquet", "arrow", "arrows", "feather", "csv", "npz"])
def test_blocks_are_whole_whatever_the_pieces_of_the_file(tmp_path, form):
    rows = 200_000
    number = np.arange(rows)
    columns = {
        "id": number,
        "label": number % 2,
        "prediction": number / rows,
        "segment": np.array(["x", "yy", "z"])[number % 3],
    }
    options = {
        "parquet": {"row_group_size": 7_001},
        "arrow": {"max_chunksize": 999},
        "arrows": {"max_chunksize": 150_000},
    }
    found = read(write(tmp_path / f"c.{form}", columns, **options.get(form, {})), None, "segment")
    assert found.sizes == [65_536, 65_536, 65_536, 3_392]
    assert (found.labels == number % 2).all()
    assert (found.candidate == number / rows).all()
    assert found.features["segment"] == columns["segment"].tolist()


def test_row_groups_without_rows_and_of_one_row(tmp_path):
    schema = pa.schema([("label", pa.int8()), ("prediction", pa.float32()), ("segment", pa.string())])
    with pa.parquet.ParquetWriter(tmp_path / "c.parquet", schema) as writer:
        for size in (0, 1, 3, 0, 1):
            writer.write_table(pa.table([[1] * size, [0.5] * size, ["s"] * size], schema=schema))
    found = read(tmp_path / "c.parquet", None, "segment")
    assert found.labels.tolist() == [1] * 5
    assert found.features == {"segment": ["s"] * 5}


def test_pieces_that_begin_in_the_middle_of_a_byte_of_nulls(tmp_path):
    values = [None if number % 3 == 0 else bool(number % 2) for number in range(40)]
    table = pa.table({"label": [0] * 40, "prediction": [0.5] * 40, "flag": values}).slice(3, 30)
    found = read(write(tmp_path / "c.arrow", table, max_chunksize=7), None, "flag")
    assert found.features["flag"] == [None if value is None else str(value).lower() for value in values[3:33]]


@pytest.mark.parametrize("version", ["1.0", "2.4", "2.6"])
@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_parquet_of_any_version_and_compression(tmp_path, version, compression):
    found = one(
        tmp_path,
        segment=["a", "b", "a"],
        features=["segment"],
        options={"version": version, "compression": compression},
    )
    assert (found.labels.tolist(), found.candidate.tolist(), found.features["segment"]) == (
        LABEL,
        PREDICTION,
        ["a", "b", "a"],
    )


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BINARY_PACKED"])
def test_parquet_with_encodings_of_its_own(tmp_path, encoding):
    found = one(tmp_path, id=[5, 2**62, -9], options={"use_dictionary": False, "column_encoding": {"id": encoding}})
    assert found.rows == 3


def test_the_weight_is_used_when_it_is_wanted(tmp_path):
    path = write(tmp_path / "c.parquet", {"label": LABEL, "prediction": PREDICTION, "weight": [1.0, 2.0, 0.5]})
    assert read(path).weights.tolist() == [1.0, 2.0, 0.5]
    assert read(path, weight=False).weights is None
    assert read(path, None, "weight", weight=False).features == {"weight": [1.0, 2.0, 0.5]}
    assert read(path, None, "weight").features == {}


def test_what_only_the_baseline_has_comes_from_there(tmp_path):
    candidate = write(tmp_path / "c.parquet", {"id": [1, 2, 3], "prediction": PREDICTION, "city": ["a", "b", "c"]})
    baseline = {
        "id": [1, 2, 3],
        "label": LABEL,
        "prediction": PREDICTION,
        "weight": [1, 2, 3],
        "city": ["x"] * 3,
        "age": [4, 5, 6],
    }
    found = read(candidate, write(tmp_path / "b.parquet", baseline), "city", "age", "label", "id", "prediction")
    assert found.labels.tolist() == LABEL
    assert found.weights.tolist() == [1, 2, 3]
    assert found.features == {"city": ["a", "b", "c"], "age": [4, 5, 6]}


def test_a_weight_of_the_candidate_is_the_one_that_counts(tmp_path):
    columns = {"id": [1, 2, 3], "label": LABEL, "prediction": PREDICTION}
    candidate = write(tmp_path / "c.parquet", columns | {"weight": [1, 2, 3]})
    found = read(candidate, write(tmp_path / "b.parquet", columns | {"weight": [9, 9, 9]}), "weight")
    assert found.weights.tolist() == [1, 2, 3]
    assert found.features == {}


def test_columns_that_nobody_asked_for_may_hold_anything(tmp_path):
    found = one(tmp_path, nested=[[1], [2, 3], []], struct=[{"a": 1}] * 3, void=pa.nulls(3))
    assert found.rows == 3


def test_a_column_of_nulls_has_no_values(tmp_path):
    assert one(tmp_path, segment=pa.array([None] * 3, pa.string()), features=["segment"]).features == {
        "segment": [None] * 3
    }


@pytest.mark.parametrize("name", ["a.b", "feature a", "prediction_x", "label_01", "weights", "Ä", "", " "])
def test_features_may_have_any_name(tmp_path, name):
    assert one(tmp_path, **{name: ["u", "v", "u"]}, features=[name]).features == {name: ["u", "v", "u"]}


# CSV


def csv(folder, text, *features, encoding="utf-8"):
    path = folder / "c.csv"
    path.write_bytes(text.encode(encoding))
    return read(path, None, *features)


def test_csv_with_quotes_line_breaks_and_a_mark_at_its_start(tmp_path):
    text = '\ufeffid,label,"prediction",segment\r\nx,0,nan,"a ""b"", c"\r\n"y\nz",1,-inf,"line\nbreak"\r\n\r\nq,1,1e-3,\r\n'
    found = csv(tmp_path, text, "segment")
    assert found.labels.tolist() == [0, 1, 1]
    assert np.array_equal(found.candidate, [np.nan, -np.inf, 0.001], equal_nan=True)
    assert found.features == {"segment": ['a "b", c', "line\nbreak", None]}


def test_csv_without_a_line_break_at_the_end(tmp_path):
    assert csv(tmp_path, "label,prediction\n1,0.5\n0,0.25").candidate.tolist() == [0.5, 0.25]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "2.5"], [1.0, 2.5]),
        (["1", ""], [1.0, None]),
        (["007", "12"], ["007", "12"]),
        (["0.5", "0"], [0.5, 0.0]),
        (["-0.5", "1e3"], [-0.5, 1000.0]),
        (["NA", "DE"], ["NA", "DE"]),
        (["true", "false"], ["true", "false"]),
        (["2026-01-31", "2026-02-01"], ["2026-01-31", "2026-02-01"]),
        (["", ""], [None, None]),
    ],
)
def test_csv_columns_are_numbers_if_all_of_their_first_cells_are(tmp_path, cells, values):
    text = "".join(f"0,0.5,{cell}\n" for cell in cells)
    assert csv(tmp_path, "label,prediction,segment\n" + text, "segment").features == {"segment": values}


def test_csv_values_that_only_later_have_a_fraction(tmp_path):
    text = "label,prediction,age\n" + "1,1,30\n" * 200_000 + "0,0.5,30.5\n"
    found = csv(tmp_path, text, "age")
    assert found.candidate[-1] == 0.5
    assert found.features["age"][-1] == 30.5
    assert sum(found.sizes) == 200_001


# npy and npz


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float32", ">f8"])
def test_npz_of_either_order_packed_or_not(tmp_path, save, order, dtype):
    scores = np.asarray(np.arange(30).reshape(10, 3), dtype=dtype, order=order)
    save(tmp_path / "c.npz", predictions=scores, labels=np.arange(10)[:, None], id=np.arange(10), weight=np.ones(10))
    found = read(tmp_path / "c.npz")
    assert found.candidate.tolist() == scores.tolist()
    assert found.candidate.dtype == np.dtype(dtype).newbyteorder("=")
    assert found.labels.tolist() == list(range(10))


def test_an_array_of_records_in_npy(tmp_path):
    records = np.zeros(4, [("id", "<i8"), ("label", "i1"), ("prediction", "<f4", (2,)), ("segment", "U3")])
    records["id"] = [4, 3, 2, 1]
    records["prediction"] = [[0, 1], [1, 0], [0.5, 0.5], [0.25, 0.75]]
    records["segment"] = ["a", "b", "a", "é"]
    np.save(tmp_path / "c.npy", records)
    found = read(tmp_path / "c.npy", None, "segment")
    assert found.candidate.tolist() == records["prediction"].tolist()
    assert found.features == {"segment": ["a", "b", "a", "é"]}


def test_npz_needs_no_pyarrow(tmp_path):
    np.savez(tmp_path / "c.npz", label=[0, 1], prediction=[0.5, 0.25], id=["b", "a"], segment=["u", "v"])
    np.savez(tmp_path / "b.npz", prediction=[0.5, 0.25], id=["a", "b"])
    program = """
import sys
from pathlib import Path
from jenkins_ml.adapters.predictions import Wanted, open_predictions
sys.modules["pyarrow"] = None
wanted = Wanted(features=frozenset(["segment"]))
with open_predictions(Path("c.npz"), Path("b.npz"), wanted, scratch=Path("scratch")) as stream:
    print([len(block) for block in stream], stream.joined, "numpy" in sys.modules)
"""
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    line = [sys.executable, "-c", program]
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "[2] sorted True\n", done.stderr
