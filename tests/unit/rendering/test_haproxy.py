"""The proxy's configuration: whole, and understood by the real HAProxy where there is one."""

import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml import names, resources
from jenkins_ml.rendering import haproxy
from jenkins_ml.rendering.haproxy import Layout
from tests.engines.missing import leave_out

GOLDEN = Path(__file__).parents[2] / "golden" / "docker" / "haproxy.cfg"
TWO = Layout(servers={3: "172.18.0.3", 4: "172.18.0.4"}, stable=3, canary=4, weight=5)
VERSIONS = st.integers(1, 9)
LAYOUTS = st.builds(
    Layout,
    servers=st.dictionaries(VERSIONS, st.ip_addresses(v=4).map(str)),
    stable=st.none() | VERSIONS,
    canary=st.none() | VERSIONS,
    weight=st.integers(0, 100),
)


def whole(layout=TWO, limit=200.0):
    return haproxy.configuration("digits", "/metrics", limit, layout)


def test_the_whole_file():
    assert whole() == GOLDEN.read_text()


@pytest.mark.parametrize("layout", [TWO, Layout(servers={})])
@pytest.mark.docker
def test_haproxy_takes_it(tmp_path, layout):
    if shutil.which("haproxy") is None:
        leave_out("needs haproxy")
    text = whole(layout).replace(haproxy.FOLDER, str(resources.folder("templates")))
    (tmp_path / "haproxy.cfg").write_text(text)
    done = subprocess.run(
        ["haproxy", "-c", "-f", tmp_path / "haproxy.cfg"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


@given(LAYOUTS)
def test_a_file_says_what_it_was_made_of(layout):
    assert haproxy.read_layout(whole(layout)) == layout


def test_a_file_of_somebody_else_says_nothing():
    assert haproxy.read_layout("global\n") == Layout(servers={})


@pytest.mark.parametrize(
    ("stable", "canary", "weight", "expected"),
    [
        (None, None, 0, {3: 0, 4: 0}),
        (3, None, 0, {3: 100, 4: 0}),
        (3, 4, 0, {3: 100, 4: 0}),
        (3, 4, 5, {3: 95, 4: 5}),
        (3, 4, 100, {3: 1, 4: 256}),
        (4, None, 0, {3: 0, 4: 100}),
        (None, 4, 100, {3: 0, 4: 100}),
    ],
)
def test_weights(stable, canary, weight, expected):
    layout = Layout(servers={3: "a", 4: "b"}, stable=stable, canary=canary, weight=weight)
    assert layout.weights() == expected


@given(LAYOUTS)
def test_weights_are_what_haproxy_takes_and_others_get_none(layout):
    weights = layout.weights()
    assert weights.keys() == layout.servers.keys()
    assert all(0 <= weight <= 256 for weight in weights.values())
    assert all(not weight for version, weight in weights.items() if version not in (layout.stable, layout.canary))


@given(LAYOUTS)
def test_one_version_answers_for_those_that_are_not_there(layout):
    assert sum(haproxy.pinned_weights(layout).values()) == min(1, len(layout.servers))


def test_each_latency_has_one_bucket():
    bins = haproxy._bins()
    assert bins[0][0] == 0
    assert all(before[1] + 1 == after[0] for before, after in pairwise(bins))
    assert [high for _, high in bins[:-1]] == [round(bound * 1e6) for bound in names.LATENCY_BOUNDS]


def test_nothing_is_slow_without_a_limit():
    assert f"sc-inc-gpc({haproxy.SLOW},0)" in whole()
    assert f"sc-inc-gpc({haproxy.SLOW},0)" not in whole(limit=None)
