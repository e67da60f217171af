"""Amounts as the API server writes them back; tests/integration/test_kubernetes_objects_applied.py asks a real one."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity

from jenkins_ml.rendering.kubernetes.quantity import canonical

NUMBERS = st.from_regex(r"([1-9][0-9]{0,5}(\.[0-9]{1,3})?|0\.0{0,2}[1-9][0-9]{0,2})", fullmatch=True)
UNITS = st.sampled_from(["", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"])


@given(NUMBERS, UNITS)
def test_an_amount_stays_what_it_is_and_is_written_in_one_way(number, unit):
    written = canonical(number + unit)
    assert Decimal(0) <= parse_quantity(written) - parse_quantity(number + unit) < Decimal("0.001")
    assert "." not in written
    assert canonical(written) == written


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        ("0.5", "500m"),
        ("2000m", "2"),
        ("1", "1"),
        ("1.0", "1"),
        ("0.0015", "2m"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"),
        ("1000M", "1G"),
        ("1500000", "1500k"),
        ("0.3Ki", "307200m"),
        ("0.0001Gi", "107374183m"),
        ("0.0000000001", "1m"),
    ],
)
def test_as_the_api_server_writes_it(amount, written):
    assert canonical(amount) == written


def test_something_else_is_refused():
    with pytest.raises(ValueError, match="no amount"):
        canonical("a lot")
