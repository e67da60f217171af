"""Files that cannot be what was meant, or that contradict each other: one error that names the file and the reason."""

import contextlib
import os
import pickle
import re
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from jenkins_ml.adapters.predictions import Wanted, open_predictions
from jenkins_ml.errors import IntegrityError, UsageError
from tests.fakes.predictions import FORMATS, read, write

GOOD = {"id": [1, 2, 3], "label": [0, 1, 1], "prediction": [0.25, 0.75, 0.5]}
NO_ID = {name: column for name, column in GOOD.items() if name != "id"}
BEFORE = ["arrow", "arrows", "feather", "npz", "parquet"]
TYPED = ["arrow", "arrows", "feather", "parquet"]


def refused(candidate, baseline, *reasons, features=(), error=UsageError, named=None):
    """Read the files; the message of the error that comes."""
    with pytest.raises(error) as caught:
        read(candidate, baseline, *features)
    assert type(caught.value) is error
    assert str(named or candidate) in caught.value.what
    for reason in reasons:
        assert reason in caught.value.what
    assert caught.value.next_step
    assert "\n" not in caught.value.what
    return caught.value


def without(*names):
    return {name: column for name, column in GOOD.items() if name not in names}


# Columns, in every format

COLUMNS = {
    "no prediction": (without("prediction"), "there is no column `prediction` (it has `id`, `label`)"),
    "no label": (without("label"), "there is no column `label`"),
    "a prediction by another name": (without("prediction") | {"Prediction": [1, 2, 3]}, "there is no column `prediction`"),
    "a class left out": (
        without("prediction") | {"prediction_0": [1, 2, 3], "prediction_2": [1, 2, 3]},
        "has `prediction_2` but no `prediction_1`",
    ),
    "no class 0": (
        without("prediction") | {"prediction_1": [1, 2, 3], "prediction_2": [1, 2, 3]},
        "has `prediction_2` but no `prediction_0`",
    ),
    "one class": (without("prediction") | {"prediction_0": [1, 2, 3]}, "has `prediction_0` but no `prediction_1`"),
    "a label left out": (without("label") | {"label_0": [1, 0, 0], "label_2": [1, 0, 0]}, "has `label_2` but no `label_1`"),
    "both forms of predictions": (GOOD | {"prediction_0": [1, 2, 3]}, "has both `prediction` and `prediction_0`"),
    "both forms of labels": (GOOD | {"label_0": [1, 0, 0], "label_1": [1, 0, 0]}, "has both `label` and `label_0`"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("case", COLUMNS)
def test_columns_that_are_missing_or_ambiguous(tmp_path, form, case):
    columns, reason = COLUMNS[case]
    refused(write(tmp_path / f"c.{form}", columns), None, reason)


def test_the_next_step_names_what_was_probably_meant(tmp_path):
    path = write(tmp_path / "c.parquet", without("prediction") | {"predictions": [1, 2, 3]})
    assert refused(path, None).next_step == "is it `predictions`? Call it `prediction`"


# Types

TYPES = {
    "text as label": ("label", ["a", "b", "c"], "column `label` is string: numbers are expected"),
    "text as prediction": ("prediction", ["0.1", "0.2", "0.3"], "column `prediction` is string: numbers are expected"),
    "text as weight": ("weight", ["a", "b", "c"], "column `weight` is string: numbers are expected"),
    "dictionary of text as label": ("label", pa.array(["a", "b", "a"]).dictionary_encode(), "column `label` is dictionary"),
    "lists as prediction": ("prediction", [[0.1], [0.2], [0.3]], "column `prediction` is list"),
    "fixed lists as prediction": (
        "prediction", pa.array([[0.1], [0.2], [0.3]], pa.list_(pa.float32(), 1)), "column `prediction` is fixed_size_list",
    ),
    "structs as label": ("label", [{"a": 1}] * 3, "column `label` is struct"),
    "maps as label": ("label", pa.array([[("a", 1)]] * 3, pa.map_(pa.string(), pa.int64())), "column `label` is map"),
    "time stamps as prediction": ("prediction", pa.array([1, 2, 3], pa.timestamp("s")), "column `prediction` is timestamp"),
    "durations as label": ("label", pa.array([1, 2, 3], pa.duration("s")), "column `label` is duration"),
    "nothing as label": ("label", pa.nulls(3), "column `label` is null"),
    "binary as prediction": ("prediction", [b"a", b"b", b"c"], "column `prediction` is binary"),
    "floats as id": ("id", [1.0, 2.0, 3.0], "column `id` is double: ids are whole numbers or text"),
    "booleans as id": ("id", [True, False, True], "column `id` is bool: ids are whole numbers or text"),
    "time stamps as id": ("id", pa.array([1, 2, 3], pa.timestamp("s")), "column `id` is timestamp"),
    "decimals as id": ("id", pa.array([1, 2, 3]).cast(pa.decimal128(20, 0)), "column `id` is decimal128(20, 0)"),
    "lists as id": ("id", [[1], [2], [3]], "column `id` is list"),
    "lists as feature": ("segment", [[1], [2], [3]], "column `segment` is list"),
    "structs as feature": ("segment", [{"a": 1}] * 3, "column `segment` is struct"),
    "binary as feature": ("segment", [b"a", b"b", b"c"], "column `segment` is binary: slices need text or numbers"),
    "large numbers as feature": ("segment", [1, 2, 2**53 + 1], "column `segment` has whole numbers beyond 2^53"),
    "large negative numbers as feature": ("segment", [1, 2, -(2**60)], "column `segment` has whole numbers beyond 2^53"),
    "large unsigned numbers as feature": ("segment", pa.array([1, 2, 2**64 - 1], pa.uint64()), "beyond 2^53"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("form", "case"),
    # Parquet has durations as numbers only, and no type for nothing but nulls that it would keep.
    [(form, case) for form in ("arrow", "parquet") for case in TYPES],
)
def test_columns_of_a_type_that_cannot_serve(tmp_path, form, case):
    name, column, reason = TYPES[case]
    refused(write(tmp_path / f"c.{form}", GOOD | {name: column}), None, reason, features=["segment"])


NUMPY_TYPES = {
    "objects": ("label", np.array([0, 1, None], dtype=object), "`label` is an array of Python objects, which is never unpickled"),
    "text": ("prediction", np.array(["a", "b", "c"]), "column `prediction` is <U1: numbers are expected"),
    "complex": ("prediction", np.array([1j, 2, 3]), "column `prediction` is complex128"),
    "long doubles": ("prediction", np.array([1, 2, 3], np.longdouble), "column `prediction` is float128"),
    "three dimensions": ("prediction", np.zeros((3, 2, 2)), "column `prediction` is an array of shape (3, 2, 2)"),
    "no dimension": ("prediction", np.array(0.5), "column `prediction` is an array of shape ()"),
    "no columns": ("prediction", np.zeros((3, 0)), "column `prediction` is an array of shape (3, 0)"),
    "ids side by side": ("id", np.zeros((3, 2), int), "column `id` is int64 with 2 values a row"),
    "weights side by side": ("weight", np.zeros((3, 2)), "column `weight` is float64 with 2 values a row"),
    "features side by side": ("segment", np.zeros((3, 2)), "column `segment` is float64 with 2 values a row"),
    "records": ("label", np.zeros(3, [("a", int)]), "column `label` is"),
    "moments": ("label", np.zeros(3, "datetime64[s]"), "column `label` is datetime64[s]"),
    "fewer labels": ("label", np.zeros(2), "`label` has 2 rows, and there are 3 predictions"),
    "more labels": ("label", np.zeros(4), "`label` has 4 rows, and there are 3 predictions"),
    "fewer ids": ("id", np.zeros(2, int), "`id` has 2 rows, and there are 3 predictions"),
    "the same by two names": ("labels", np.zeros(3), "2 columns are called `label`"),
}  # fmt: skip


@pytest.mark.parametrize("case", NUMPY_TYPES)
def test_arrays_that_cannot_serve(tmp_path, case):
    name, column, reason = NUMPY_TYPES[case]
    refused(write(tmp_path / "c.npz", GOOD | {name: column}), None, reason, features=["segment"])


# Values that are not there


@pytest.mark.parametrize("form", [*TYPED, "csv"])
@pytest.mark.parametrize("name", ["id", "label", "prediction", "weight"])
def test_a_value_that_is_not_there(tmp_path, form, name):
    values = (GOOD | {"weight": [1, 1, 1]})[name]
    columns = GOOD | {name: [values[0], None, None]}
    found = refused(write(tmp_path / f"c.{form}", columns), None, f"column `{name}` has no value in row 2")
    assert "1 more" in found.what


def test_the_row_without_a_value_is_counted_over_all_row_groups(tmp_path):
    columns = {"label": [0] * 100, "prediction": [0.5] * 77 + [None] + [0.5] * 22}
    refused(write(tmp_path / "c.parquet", columns, row_group_size=10), None, "`prediction` has no value in row 78")


@pytest.mark.parametrize("form", TYPED)
def test_a_null_inside_of_a_dictionary_of_ids(tmp_path, form):
    ids = pa.array(["a", None, "b"]).dictionary_encode()
    refused(write(tmp_path / f"c.{form}", GOOD | {"id": ids}), None, "column `id` has no value in row 2")


# Files that are not what they seem


def test_a_file_that_is_not_there(tmp_path):
    refused(tmp_path / "c.parquet", None, "there is no such file")


def test_a_baseline_that_is_not_there(tmp_path):
    refused(write(tmp_path / "c.parquet", GOOD), tmp_path / "b.csv", "there is no such file", named=tmp_path / "b.csv")


def test_a_folder(tmp_path):
    (tmp_path / "c.parquet").mkdir()
    refused(tmp_path / "c.parquet", None, "is a folder")


def test_a_path_through_a_file(tmp_path):
    write(tmp_path / "c.csv", GOOD)
    refused(tmp_path / "c.csv" / "c.parquet", None, "there is no such file")


def test_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "c.csv")
    refused(tmp_path / "c.csv", None, "is no regular file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = write(tmp_path / "c.parquet", GOOD)
    path.chmod(0)
    refused(path, None, "not permitted")


def test_a_file_that_the_system_refuses_to_open(tmp_path, monkeypatch):
    path = write(tmp_path / "c.parquet", GOOD)

    def denied(self, *_args, **_options):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(path), "open", denied)
    refused(path, None, "not permitted")


OTHERS = {
    "c.parquet": (b"", "is empty"),
    "c.csv": (b"", "is empty"),
    "c.feather": (b"FEA1....", "is Feather, version 1"),
    "c.h5": (b"\x89HDF\r\n\x1a\n", "is HDF5"),
    "c.csv.gz": (b"\x1f\x8b\x08\x00", "is compressed by gzip"),
    "d.csv": (b"\x1f\x8b\x08\x00", "is compressed by gzip"),
    "c.csv.zst": (b"\x28\xb5\x2f\xfd", "is compressed by zstd"),
    "c.pkl": (pickle.dumps([1]), "is a pickle"),
    "e.csv": ("id,label,prediction\n".encode("utf-16"), "is text in UTF-16"),
    "c.txt": (b"label,prediction\n1,0.5\n", "its name ends in .txt"),
    "c": (b"label,prediction\n1,0.5\n", "its name has no ending"),
    "d.parquet": (b"label,prediction\n1,0.5\n", "is no Parquet, Arrow or NumPy file by its first bytes, and no CSV"),
    "c.npz": (b"label,prediction\n1,0.5\n", "is no Parquet, Arrow or NumPy file by its first bytes, and no CSV"),
    "c.json": (b'{"label": 1}', "its name ends in .json"),
    "e.parquet": (b"PARE....PARE", "is Parquet with an encrypted footer"),
    "f.parquet": (b"PAR1", "cannot be read as Parquet"),
    "g.parquet": (b"PAR1PAR1", "cannot be read as Parquet"),
    "h.parquet": (b"PAR1\xff\xff\xff\x7fPAR1", "cannot be read as Parquet"),
    "c.arrow": (b"ARROW1", "cannot be read as Arrow"),
    "d.arrow": (b"ARROW1\0\0" + b"\xff" * 40 + b"ARROW1", "cannot be read as Arrow"),
    "e.arrow": (b"\xff\xff\xff\xff\xff\xff\xff\x7f", "cannot be read as Arrow"),
    "f.arrow": (b"\xff\xff\xff\xff\0\0\0\0", "cannot be read as Arrow"),
    "d.npz": (b"PK\x03\x04" + b"\0" * 40, "cannot be read as NumPy's format"),
    "c.npy": (b"\x93NUMPY\x01\x00", "cannot be read as NumPy's format"),
    "d.npy": (b"\x93NUMPY\x09\x00" + b"\0" * 100, "cannot be read as NumPy's format: version 9.0"),
    "e.npy": (b"\x93NUMPY\x01\x00\x10\x00__import__('os')", "cannot be read as NumPy's format"),
    "f.csv": (b"\n\n\n", "cannot be read as CSV"),
    "g.csv": (b"\xe9,\xe8\n1,2\n", "cannot be read as CSV"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_of_another_format(tmp_path, name):
    content, reason = OTHERS[name]
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, None, reason)


@pytest.mark.parametrize("form", ["parquet", "arrow", "npz"])
def test_the_first_bytes_count_and_not_the_name(tmp_path, form):
    write(tmp_path / f"c.{form}", GOOD).rename(tmp_path / "c.csv")
    assert read(tmp_path / "c.csv").rows == 3


@pytest.mark.parametrize("form", FORMATS)
def test_no_rows(tmp_path, form):
    columns = {name: np.array(column)[:0] for name, column in GOOD.items()}
    refused(write(tmp_path / f"c.{form}", columns), None, "there are no rows in it")
    good = write(tmp_path / "good.parquet", GOOD)
    refused(good, tmp_path / f"c.{form}", "there are no rows in it", named=tmp_path / f"c.{form}")
    refused(tmp_path / f"c.{form}", good, "there are no rows in it")


@pytest.mark.parametrize("form", BEFORE)
def test_a_file_that_ends_too_early(tmp_path, form):
    """Wherever it ends: an error, never fewer rows."""
    rows = 300
    columns = {"id": np.arange(rows), "label": np.arange(rows) % 2, "prediction": np.arange(rows) / rows}
    whole = write(tmp_path / f"whole.{form}", columns).read_bytes()
    path = tmp_path / f"c.{form}"
    for length in range(1, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(UsageError, match=re.escape(str(path))):
            read(path)


def test_a_stream_that_ends_between_two_batches(tmp_path):
    whole = write(tmp_path / "c.arrows", GOOD).read_bytes()
    (tmp_path / "c.arrows").write_bytes(whole[:-8])
    refused(tmp_path / "c.arrows", None, "the stream ends without the mark of its end")


@pytest.mark.parametrize("form", ["parquet", "arrow", "npz"])
def test_bytes_that_changed_never_crash_and_never_change_the_number_of_rows(tmp_path, form):
    rows = 50
    columns = {"id": np.arange(rows), "label": np.arange(rows) % 2, "prediction": np.arange(rows) / rows}
    columns["segment"] = np.array(["a", "bb", "c"])[np.arange(rows) % 3]
    whole = write(tmp_path / f"whole.{form}", columns).read_bytes()
    path = tmp_path / f"c.{form}"
    for place in range(0, len(whole), 11):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        with contextlib.suppress(UsageError, IntegrityError):
            found = read(path, None, "segment")
            assert found.rows == rows == len(found.features.get("segment", range(rows)))


def test_pages_whose_checksum_is_wrong(tmp_path):
    columns = {"label": [7] * 3, "prediction": [0.0, 0.123456, 1.0]}
    path = write(tmp_path / "c.parquet", columns, write_page_checksum=True, compression="none", use_dictionary=False)
    content = path.read_bytes()
    assert content.count(struct.pack("<d", 0.123456)) == 1
    path.write_bytes(content.replace(struct.pack("<d", 0.123456), struct.pack("<d", 0.654321)))
    refused(path, None, "cannot be read as Parquet", "CRC")


def test_indices_outside_of_their_dictionary(tmp_path):
    segment = pa.DictionaryArray.from_arrays(pa.array([0, 1, 99], pa.int8()), pa.array(["a", "b"]), safe=False)
    refused(
        write(tmp_path / "c.arrow", GOOD | {"segment": segment}), None, "cannot be read as Arrow", features=["segment"]
    )


def test_two_columns_of_one_name(tmp_path):
    table = pa.Table.from_arrays(
        [pa.array([1, 2]), pa.array([1, 2]), pa.array([0.5, 0.5])], ["label", "label", "prediction"]
    )
    for form in ("arrow", "csv"):
        refused(write(tmp_path / f"c.{form}", table), None, "2 columns are called `label`")
    pa.parquet.write_table(table, tmp_path / "c.parquet")
    refused(tmp_path / "c.parquet", None, "2 columns are called `label`")


def test_two_features_of_one_name(tmp_path):
    table = pa.Table.from_arrays(
        [pa.array([1]), pa.array([0.5]), pa.array(["a"]), pa.array(["b"])], ["label", "prediction", "x", "x"]
    )
    refused(write(tmp_path / "c.parquet", table), None, "2 columns are called `x`", features=["x"])
    assert read(tmp_path / "c.parquet").rows == 1


# npz


def member(folder, name, content):
    with zipfile.ZipFile(folder / "c.npz", "w") as archive:
        archive.writestr(name, content)
    return folder / "c.npz"


def test_a_zip_that_is_no_npz(tmp_path):
    refused(member(tmp_path, "data.pkl", b"..."), None, "there is no column `prediction` (it has no columns)")


def test_a_member_that_is_no_array(tmp_path):
    refused(member(tmp_path, "label.npy", b"..."), None, "cannot be read as NumPy's format")


def test_a_member_that_is_shorter_than_it_says(tmp_path):
    np.save(tmp_path / "label.npy", np.zeros(100))
    short = (tmp_path / "label.npy").read_bytes()[:-8]
    np.savez(tmp_path / "c.npz", prediction=np.zeros(100))
    with zipfile.ZipFile(tmp_path / "c.npz", "a") as archive:
        archive.writestr("label.npy", short)
    refused(tmp_path / "c.npz", None, "`label` has 920 bytes, and its header announces 928")


def test_a_file_with_something_behind_its_array(tmp_path):
    np.save(tmp_path / "c.npy", np.zeros(3, [("label", "i1"), ("prediction", "f4")]))
    with (tmp_path / "c.npy").open("ab") as file:
        file.write(b"more")
    refused(tmp_path / "c.npy", None, "has 147 bytes, and its header announces 143")


def test_one_array_alone_has_no_labels(tmp_path):
    np.save(tmp_path / "c.npy", np.zeros(3))
    refused(tmp_path / "c.npy", None, "there is no column `label`")


def test_objects_that_nobody_asked_for_are_left_alone(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trap"),)

    assert read(write(tmp_path / "c.npz", GOOD | {"trap": np.array([Trap()] * 3)})).rows == 3
    refused(tmp_path / "c.npz", None, "column `trap` is an array of Python objects", features=["trap"])
    assert not (tmp_path / "trap").exists()


# CSV

CSV = {
    "fewer cells": ("label,prediction\n1,0.5\n1\n", "Row #3: Expected 2 columns, got 1"),
    "more cells": ("label,prediction\n1,0.5\n1,2,3\n", "Row #3: Expected 2 columns, got 3"),
    "text as label": ("label,prediction\n1,0.5\nyes,0.5\n", "column `label`, row 3 counted with the header: 'yes' is not a number"),
    "text as prediction": ("label,prediction\n1,?\n", "column `prediction`, row 2 counted with the header: '?' is not a number"),
    "NA as prediction": ("label,prediction\n1,NA\n", "'NA' is not a number"),
    "a decimal comma": ('label,prediction\n1,"0,5"\n', "'0,5' is not a number"),
    "semicolons": ("label;prediction\n1;0.5\n", "there is no column `prediction` (it has `label;prediction`)"),
    "tabs": ("label\tprediction\n1\t0.5\n", "there is no column `prediction`"),
    "no header": ("1,0.5\n0,0.25\n", "there is no column `prediction`"),
    "two columns of one name": ("label,prediction,label\n1,0.5,0\n", "2 columns are called `label`"),
    "only a header": ("label,prediction\n", "there are no rows in it"),
    "a quote that is never closed": ('label,prediction,name\n1,0.5,"a\n1,0.5,b\n1,0.5,c\n', "a quote is opened and never closed"),
    "a quote in another column": ('label,name,prediction\n1,"a,0.5\n1,b,0.5\n', "Expected 3 columns"),
    "no UTF-8": ("label,prediction,name\n1,0.5,\udce9\n", "column `name`, row 2 counted with the header: invalid UTF8 data"),
    "a missing id": ("id,label,prediction\na,1,0.5\n,1,0.5\n", "column `id` has no value in row 2"),
    "a missing label": ("label,prediction\n1,0.5\n,0.5\n", "column `label` has no value in row 2"),
}  # fmt: skip


@pytest.mark.parametrize("case", CSV)
def test_csv_that_cannot_be_meant(tmp_path, case):
    text, reason = CSV[case]
    (tmp_path / "c.csv").write_bytes(text.encode(errors="surrogateescape"))
    refused(tmp_path / "c.csv", None, reason, features=["name"])


def test_csv_with_a_value_far_down_that_is_no_number(tmp_path):
    (tmp_path / "c.csv").write_text("label,prediction,age\n" + "1,0.5,30\n" * 300_000 + "1,0.5,unknown\n")
    refused(tmp_path / "c.csv", None, "column `age`, row 300002", "'unknown' is not a number", features=["age"])


def test_csv_with_a_quote_never_closed_in_front_of_megabytes(tmp_path):
    (tmp_path / "c.csv").write_text('label,prediction,name\n1,0.5,"a\n' + "1,0.5,b\n" * 400_000)
    refused(tmp_path / "c.csv", None, "a quote is opened and never closed", features=["name"])


def test_csv_with_ids_that_are_no_numbers_as_the_other_files_are(tmp_path):
    good = write(tmp_path / "b.parquet", GOOD)
    (tmp_path / "c.csv").write_text("id,label,prediction\n1,0,0.5\nx2,1,0.5\n3,1,0.5\n")
    refused(
        tmp_path / "c.csv", good, "column `id`, row 3", "'x2' is not a whole number, as the ids of the other file are"
    )


@pytest.mark.parametrize(("separator", "shown"), [(";", "';'"), ("\t", "'\\t'"), ("|", "'|'")])
def test_csv_that_is_separated_by_something_else(tmp_path, separator, shown):
    (tmp_path / "c.csv").write_text(f"label{separator}prediction\n1{separator}0.5\n")
    assert shown in refused(tmp_path / "c.csv", None).next_step


# Two files

IDS = {
    "one id is in the candidate's only": ([1, 2, 3, 4], [1, 2, 3], "1 id is only in {c}, such as 4"),
    "one id is in the baseline's only": ([1, 2, 3], [1, 2, 3, 4], "1 id is only in {b}, such as 4"),
    "one at the start": ([0, 1, 2, 3], [1, 2, 3], "1 id is only in {c}, such as 0"),
    "another id": ([1, 2, 3], [1, 2, 4], "1 id is only in {c}, such as 3; 1 id is only in {b}, such as 4"),
    "no id in common": ([1, 2], [3, 4], "2 ids are only in {c}"),
    "an id twice in both, in one order": ([1, 2, 2], [1, 2, 2], "{c}: 1 rows have an id that came before, such as 2"),
    "an id twice in both, in another order": ([2, 1, 2], [2, 2, 1], "{c}: 1 rows have an id that came before, such as 2"),
    "an id twice in the candidate's": ([1, 2, 3, 2], [1, 2, 3], "{c}: 1 rows have an id that came before, such as 2"),
    "an id twice in the baseline's": ([1, 2, 3], [1, 2, 3, 1], "{b}: 1 rows have an id that came before, such as 1"),
    "an id twice in place of another": ([1, 2, 3], [1, 2, 2], "{b}: 1 rows have an id that came before, such as 2"),
    "always the same id": ([5, 5, 5], [5, 5, 5], "{c}: 2 rows have an id that came before, such as 5"),
    "each file has another id twice": ([1, 1, 2], [1, 2, 2], "{c}: 1 rows have an id that came before, such as 1"),
}  # fmt: skip


@pytest.mark.parametrize("form", ["parquet", "csv", "npz", "arrow"])
@pytest.mark.parametrize("texts", [False, True], ids=["numbers", "texts"])
@pytest.mark.parametrize("case", IDS)
def test_ids_that_do_not_match(tmp_path, form, texts, case):
    candidate, baseline, reason = IDS[case]
    paths = []
    for name, ids in (("c", candidate), ("b", baseline)):
        column = [f"id {id_}" for id_ in ids] if texts else ids
        columns = {"id": column, "label": [1] * len(ids), "prediction": [0.5] * len(ids)}
        paths.append(write(tmp_path / f"{name}.{form}", columns))
    with pytest.raises(IntegrityError) as caught:
        read(*paths)
    # An id of CSV is text, and shown as text.
    quoted = re.sub(r"such as (\d)", r"such as 'id \1'" if texts else r"such as '\1'", reason)
    expected = (quoted if texts or form == "csv" else reason).format(c=paths[0], b=paths[1])
    assert caught.value.what.startswith(expected)
    assert caught.value.next_step


@pytest.mark.parametrize("form", FORMATS)
def test_an_id_twice_in_one_file_alone(tmp_path, form):
    path = write(tmp_path / f"c.{form}", GOOD | {"id": [7, 8, 7]})
    refused(path, None, "1 rows have an id that came before, such as", "7", error=IntegrityError)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [0, 2, 1]])
def test_labels_that_differ(tmp_path, order):
    candidate = write(tmp_path / "c.parquet", GOOD)
    columns = {"id": [1, 2, 3], "label": [0, 0, 1], "prediction": [0.5] * 3}
    baseline = write(tmp_path / "b.parquet", {name: [column[row] for row in order] for name, column in columns.items()})
    reason = "differ for 1 ids, first for id 2 (1 and 0)"
    refused(candidate, baseline, reason, str(baseline), error=IntegrityError)


def test_labels_that_differ_in_all_rows_are_counted(tmp_path):
    candidate = write(tmp_path / "c.parquet", GOOD)
    baseline = write(tmp_path / "b.parquet", GOOD | {"label": [5, 5, 5]})
    refused(candidate, baseline, "differ for 3 ids, first for id 1 (0 and 5)", error=IntegrityError)


def test_several_labels_of_which_one_differs(tmp_path):
    columns = {"id": [1, 2], "prediction_0": [0, 0], "prediction_1": [0, 0], "label_0": [1, 1], "label_1": [0, 0]}
    candidate = write(tmp_path / "c.parquet", columns)
    baseline = write(tmp_path / "b.parquet", columns | {"label_1": [0, 1]})
    refused(candidate, baseline, "differ for 1 ids, first for id 2 ([1, 0] and [1, 1])", error=IntegrityError)


def test_labels_of_another_form(tmp_path):
    candidate = write(tmp_path / "c.parquet", GOOD)
    baseline = write(tmp_path / "b.parquet", without("label") | {"label_0": [0, 1, 1], "label_1": [0, 1, 1]})
    refused(candidate, baseline, "has `label`, and", "has `label_0` to `label_1`")


@pytest.mark.parametrize("label", [[0.1, 0.2, float("nan")], [0, 1, 1]])
def test_labels_that_are_equal_in_another_width(tmp_path, label):
    candidate = write(tmp_path / "c.parquet", GOOD | {"label": pa.array(label, pa.float32())})
    assert read(candidate, write(tmp_path / "b.parquet", GOOD | {"label": label})).rows == 3


def test_labels_in_neither_file(tmp_path):
    candidate, baseline = (write(tmp_path / f"{name}.parquet", without("label")) for name in "cb")
    refused(candidate, baseline, "there is no column `label` in", str(baseline))


@pytest.mark.parametrize("swapped", [False, True])
def test_an_id_in_one_file_only(tmp_path, swapped):
    files = [write(tmp_path / "c.parquet", GOOD), write(tmp_path / "b.parquet", NO_ID)]
    if swapped:
        files.reverse()
    refused(*files, f"{tmp_path / 'b.parquet'}: there is no column `id`, and {tmp_path / 'c.parquet'} has one")


def test_another_number_of_classes_is_for_the_evaluation_to_judge(tmp_path):
    columns = without("prediction") | {"prediction_0": [0, 0, 0], "prediction_1": [1, 1, 1]}
    candidate = write(tmp_path / "c.parquet", columns)
    found = read(candidate, write(tmp_path / "b.parquet", columns | {"prediction_2": [0, 0, 0]}))
    assert (found.candidate.shape, found.baseline.shape) == ((3, 2), (3, 3))


@pytest.mark.parametrize("form", ["parquet", "arrow", "npz"])
def test_ids_that_are_text_in_one_file_and_numbers_in_the_other(tmp_path, form):
    candidate = write(tmp_path / f"c.{form}", GOOD)
    baseline = write(tmp_path / f"b.{form}", GOOD | {"id": ["1", "2", "3"]})
    refused(candidate, baseline, "column `id` is int64 in", "in " + str(baseline))


def test_a_column_of_the_baseline_of_the_wrong_type(tmp_path):
    baseline = write(tmp_path / "b.parquet", GOOD | {"prediction": ["a", "b", "c"]})
    refused(write(tmp_path / "c.parquet", GOOD), baseline, "column `prediction` is string", named=baseline)


# Two files without ids


@pytest.mark.parametrize("form", FORMATS)
def test_rows_are_joined_by_position_if_all_labels_are_equal(tmp_path, form):
    candidate = write(tmp_path / f"c.{form}", NO_ID)
    found = read(candidate, write(tmp_path / f"b.{form}", NO_ID | {"prediction": [0.1, 0.2, 0.3]}))
    assert (found.joined, found.baseline.tolist()) == ("position", [0.1, 0.2, 0.3])


@pytest.mark.parametrize("form", FORMATS)
def test_other_numbers_of_rows(tmp_path, form):
    candidate = write(tmp_path / f"c.{form}", NO_ID)
    baseline = write(tmp_path / f"b.{form}", {name: column[:2] for name, column in NO_ID.items()})
    refused(candidate, baseline, "have different numbers of rows", str(baseline))
    refused(baseline, candidate, "have different numbers of rows", str(candidate))


@pytest.mark.parametrize("form", FORMATS)
def test_labels_that_differ_by_position(tmp_path, form):
    candidate = write(tmp_path / f"c.{form}", NO_ID)
    baseline = write(tmp_path / f"b.{form}", NO_ID | {"label": [0, 0, 0]})
    refused(candidate, baseline, str(baseline), "differ in 2 of 3 rows, first in row 2", error=IntegrityError)


def test_labels_in_one_file_only_without_ids(tmp_path):
    candidate = write(tmp_path / "c.parquet", NO_ID)
    baseline = write(tmp_path / "b.parquet", {"prediction": [0.1, 0.2, 0.3]})
    refused(candidate, baseline, "has a column `id`, and only one of them has labels")


# Without pyarrow


@pytest.mark.parametrize("form", ["parquet", "arrow", "arrows", "feather", "csv"])
def test_what_to_install_is_said(tmp_path, form, monkeypatch):
    path = write(tmp_path / f"c.{form}", GOOD)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UsageError, match="read by pyarrow, which is not installed") as caught:
        open_predictions(path, None, Wanted(), scratch=tmp_path)
    assert caught.value.next_step.startswith("pip install 'jenkins-ml[parquet]'")
