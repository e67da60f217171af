"""Ids: where two columns of them begin to differ, and the keys that stand for them."""

import itertools

import numpy as np
import pyarrow as pa
import pytest

from jenkins_ml.adapters.predictions.ids import Texts, ascending, equal_rows, keys, offsets_of, shown


def texts(*values):
    encoded = [value if isinstance(value, bytes) else value.encode() for value in values]
    return Texts(offsets_of(np.array([len(value) for value in encoded])), np.frombuffer(b"".join(encoded), np.uint8))


@pytest.mark.parametrize("make", [lambda values: np.array(values), lambda values: texts(*(f"{v}" * 3 for v in values))])
@pytest.mark.parametrize("place", range(6))
def test_the_first_row_that_differs(make, place):
    ids = [5, 66, 7, 888, 9]
    other = ids[:place] + [0] * (5 - place)
    assert equal_rows(make(ids), make(other)) == place
    assert equal_rows(make(ids), make([*other, 1])) == place
    assert equal_rows(make([*ids, 1]), make(other)) == place


def test_texts_of_the_same_letters_cut_in_another_place():
    assert equal_rows(texts("a", "bc", "d"), texts("a", "b", "cd")) == 1


def test_texts_that_begin_in_the_middle_of_their_data():
    long = texts("xx", "a", "bc", "yyy")
    assert equal_rows(long[1:3], texts("a", "bc")) == 2
    assert equal_rows(long[1:4], texts("a", "bd", "yyy")) == 1
    assert [long[1:3].text(row) for row in range(2)] == ["a", "bc"]
    assert len(long[3:1]) == 0


def test_no_rows():
    assert equal_rows(texts(), texts("a")) == 0
    assert equal_rows(np.array([], int), np.array([1])) == 0
    assert [len(words) for words in keys(texts())] == [0, 0]


def test_numbers_with_and_without_a_sign_are_compared_as_numbers():
    assert equal_rows(np.array([1, -1]), np.array([1, 2**64 - 1], np.uint64)) == 1
    assert equal_rows(np.array([1, 2**63 - 1]), np.array([1, 2**63 - 1], np.uint64)) == 2
    # A float64 is the same for both.
    assert equal_rows(np.array([2**53 + 1]), np.array([2**53], np.uint64)) == 0


@pytest.mark.parametrize(
    ("ids", "before", "known"),
    [([1, 2, 5], None, True), ([1, 2, 5], 0, True), ([1, 2, 5], 1, False), ([1, 1], None, False), ([2, 1], None, False),
     ([9, 10, 11, 100], 8, True), ([9], 9, False), ([9], None, True), ([12345678901, 12345678912], None, True),
     ([12345678912, 12345678901], None, False), ([12345678901, 12345678901], None, False)],
)  # fmt: skip
def test_ids_that_ascend_come_once(ids, before, known):
    assert ascending(np.array(ids), None if before is None else np.array([before])) is known
    assert ascending(np.array(ids, np.uint64), None if before is None else np.array([before], np.uint64)) is known
    assert ascending(texts(*map(str, ids)), None if before is None else texts(str(before))) is known


@pytest.mark.parametrize(
    ("ids", "known"),
    [
        (["", "a", "b", "aa"], True),
        (["", ""], False),
        (["user-00000001-a", "user-00000001-b", "user-00000002-a"], True),
        (["user-00000001-b", "user-00000001-a"], False),
        (["aaaaaaaa", "aaaaaaaa"], False),
        (["aaaaaaaab", "aaaaaaaaé"], True),
        (["z", "é"], True),
        (["aa", "b"], False),
    ],
)
def test_texts_that_ascend(ids, known):
    assert ascending(texts(*ids), None) is known


def test_large_unsigned_numbers_ascend():
    assert ascending(np.array([2**63 - 1, 2**63], np.uint64), np.array([5], np.uint64))
    assert not ascending(np.array([2**63], np.uint64), np.array([2**63], np.uint64))


def test_keys_of_texts_depend_on_nothing_but_the_text():
    values = ["", "a", "ab", "1234567", "12345678", "123456789", "é" * 40, "x" * 1000]
    alone = [tuple(int(word[0]) for word in keys(texts(value))) for value in values]
    together = [tuple(map(int, both)) for both in zip(*keys(texts(*values)), strict=True)]
    reverse = [tuple(map(int, both)) for both in zip(*keys(texts(*values[::-1])), strict=True)]
    assert alone == together == reverse[::-1]
    from_arrow = pa.array(["skip", *values]).slice(1)
    offsets = np.frombuffer(from_arrow.buffers()[1], np.int32)[1:]
    assert np.array_equal(keys(Texts(offsets, np.frombuffer(from_arrow.buffers()[2], np.uint8))), keys(texts(*values)))


def test_texts_that_differ_have_other_keys():
    alphabet = ["a", "b", "\0"]
    values = ["".join(letters) for length in range(9) for letters in itertools.product(alphabet, repeat=length)]
    values += ["a" * length for length in range(9, 100)] + ["\0" * length for length in range(9, 100)]
    for words in keys(texts(*values)):
        assert len(set(words.tolist())) == len(values)


@pytest.mark.parametrize(
    "ids",
    [
        np.arange(2**14),
        np.arange(2**14) * 2**50,
        -np.arange(2**14),
        texts(*(f"user-{number:08}" for number in range(2**14))),
    ],
    ids=["small", "large", "negative", "texts"],
)
def test_keys_are_spread_evenly(ids):
    """Over 64 parts of 256 on average: a part is that far off in one of 10^9 cases."""
    counts = np.bincount((keys(ids)[0] >> np.uint64(58)).astype(int), minlength=64)
    assert 256 - 100 < counts.min() <= counts.max() < 256 + 100


def test_keys_of_numbers_are_never_equal_and_do_not_depend_on_their_type():
    numbers = np.concatenate([np.arange(5000), np.arange(5000) + 2**62])
    (words,) = keys(numbers)
    assert len(np.unique(words)) == 10_000
    assert np.array_equal(words, keys(numbers.astype(np.uint64))[0])


def test_keys_tell_large_numbers_from_negative_ones_where_both_can_be():
    signed, unsigned = np.array([-1, 1]), np.array([2**64 - 1, 1], np.uint64)
    one, other = (np.transpose(keys(ids, both_signs=True)).tolist() for ids in (signed, unsigned))
    assert one[0] != other[0]
    assert one[1] == other[1]


def test_how_messages_show_an_id():
    assert shown(np.array([1, -5]), 1) == "-5"
    assert shown(texts("a", "it's"), 1) == '"it\'s"'
    assert shown(texts(b"\xff\x00"), 0) == r"'\\xff\x00'"
    assert shown(texts("x" * 100), 0) == "'" + "x" * 77 + "...'"
