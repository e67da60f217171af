"""The laws of records, for every kind."""

import dataclasses
import json
import types
import typing
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.errors import IntegrityError
from jenkins_ml.records import KINDS, FileEntry, artefact_digest, decode, digest, encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
LEAVES = {str: TEXT, int: st.integers(), float: NUMBERS, bool: st.booleans(), type(None): st.none(), typing.Any: JSON}


def values(hint):
    """Values of a type as records have them."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in LEAVES:
        return LEAVES[hint]
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([values(item) for item in arguments])
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is Mapping:
        return st.dictionaries(TEXT, values(arguments[1]), max_size=3)
    return records(hint)


def records(cls):
    """Records of a kind."""
    return st.builds(
        cls, **{name: values(typing.get_type_hints(cls)[name]) for name in [f.name for f in dataclasses.fields(cls)]}
    )


kinds = pytest.mark.parametrize("cls", KINDS.values(), ids=lambda cls: cls.__name__)


@kinds
@given(data=st.data())
def test_a_record_comes_back_as_it_was_and_its_bytes_too(cls, data):
    record = data.draw(records(cls))
    written = encode(record)
    assert decode(cls, written, "it") == record
    assert encode(decode(cls, written, "it")) == written


@kinds
@given(data=st.data())
def test_a_field_too_many_or_too_few_is_named(cls, data):
    value = json.loads(encode(data.draw(records(cls))))
    with pytest.raises(IntegrityError, match="unknown field surplus"):
        decode(cls, json.dumps(value | {"surplus": 1}).encode(), "it")
    required = [
        item.name for item in dataclasses.fields(cls) if item.default is item.default_factory is dataclasses.MISSING
    ]
    missing = data.draw(st.sampled_from(required))
    del value[missing]
    with pytest.raises(IntegrityError, match=f"missing field {missing}"):
        decode(cls, json.dumps(value).encode(), "it")


@kinds
@given(data=st.data())
def test_a_value_of_another_type_is_named(cls, data):
    value = json.loads(encode(data.draw(records(cls))))
    name = data.draw(st.sampled_from(sorted(set(value) - {"record"})))
    value[name] = 10**30 if isinstance(value[name], str | list | dict | bool) else "no number"
    if typing.get_type_hints(cls)[name] == str | None:
        value[name] = False
    with pytest.raises(IntegrityError, match=name):
        decode(cls, json.dumps(value).encode(), "it")


@given(st.binary())
def test_any_bytes_are_a_record_or_refused(content):
    for cls in KINDS.values():
        with pytest.raises(IntegrityError):
            decode(cls, content, "it")


@given(
    st.lists(
        st.builds(FileEntry, path=TEXT, size=st.integers(), sha256=TEXT.map(lambda text: digest(text.encode()))),
        max_size=5,
    )
)
def test_the_digest_of_files_does_not_depend_on_their_order(entries):
    unique = tuple({entry.path: entry for entry in entries}.values())
    assert artefact_digest(unique) == artefact_digest(unique[::-1])
