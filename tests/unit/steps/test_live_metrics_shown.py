"""Which files have labels, and what JSON says of a metric."""

import json
import math

from jenkins_ml.core.live_metrics import LiveMetric
from jenkins_ml.steps import live_metrics as live


def test_labels_lie_where_the_pattern_says(tmp_path):
    here, elsewhere = tmp_path / "a[b]", tmp_path / "srv"
    for path in (here / "labels/1.csv", here / "labels/2.csv", elsewhere / "x/y/3.csv"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (here / "labels/4.csv").mkdir()
    assert live.found(here, "labels/*.csv") == [here / "labels/1.csv", here / "labels/2.csv"]
    assert live.found(here, f"{elsewhere}/**/*.csv") == [elsewhere / "x/y/3.csv"]
    assert live.found(here, "lab**ls/1.csv") == [here / "labels/1.csv"]
    assert live.found(here, "nothing/*") == []


def test_json_has_no_infinite_numbers():
    one = LiveMetric(name="loss", value=3.5, low=-math.inf, high=math.inf, count=1, source="labels")
    shown = live.plain(one)
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown
    assert (shown["value"], shown["low"], shown["high"]) == (3.5, None, None)
