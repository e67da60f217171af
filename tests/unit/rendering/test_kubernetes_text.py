"""Objects as YAML: read back they are the same, by readers of YAML 1.1 and of 1.2."""

import io

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from jenkins_ml.rendering.kubernetes.text import scalar, text

TEXTS = st.one_of(
    st.text(
        st.sampled_from("{}'\"\\$`#:%-&*!|>?@,[]=~ \n\r\té模\U0001f600\x00\x85\u2028\ufeffyesnoYESNO0189eE._<+")
        | st.characters(exclude_categories=["Cs"])
    ),
    st.sampled_from(
        ["yes", "No", "ON", "y", "~", "null", "1e3", "0o7", "0x1f", "12:30:45", ".inf", "-", "2026-01-01", "="]
    ),
)
# YAML's keys on one line have at most 1,024 characters, escapes counted; those of Kubernetes have at most 317, of ASCII.
KEYS = TEXTS.filter(lambda key: len(scalar(key)) < 1000)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans(),
    lambda inner: (
        st.dictionaries(KEYS, inner, max_size=4)
        | st.lists(TEXTS | st.integers() | st.dictionaries(KEYS, inner, max_size=3), max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=5))
def test_every_reader_reads_what_was_written(value):
    written = text(value)
    assert yaml.load(written, yaml.SafeLoader) == value
    assert YAML(typ="safe", pure=True).load(io.StringIO(written)) == value
    assert written.isascii()


def test_it_is_written_for_people():
    value = {
        "kind": "Service",
        "spec": {"ports": [{"name": "rest", "port": 8501}], "none": {}, "words": ["a b", "yes"]},
    }
    assert text(value) == (
        'kind: Service\nspec:\n  ports:\n    - name: rest\n      port: 8501\n  none: {}\n  words:\n    - "a b"\n    - "yes"\n'
    )


@pytest.mark.parametrize("value", [1.5, None, ["x"]])
def test_what_our_objects_never_hold_is_refused(value):
    with pytest.raises(TypeError):
        scalar(value)
    with pytest.raises(TypeError):
        text({"lists": [[1]]})
