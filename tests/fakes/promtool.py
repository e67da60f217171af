"""Cases for `promtool test rules`: series over time, and the alerts that they have to raise or must not."""

import json
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jenkins_ml.config import loader
from jenkins_ml.config.model import Config
from jenkins_ml.rendering.kubernetes.text import text
from jenkins_ml.rendering.monitoring import rules
from tests.engines.prometheus import programs

PRODUCTION = {"model": "digits", "environment": "production"}


def config(folder: Path, sections: str) -> Config:
    """A configuration of a model named digits; `sections` is what differs: gate, serve and monitor."""
    head = 'model: digits\ndata: {load: "data:load"}\ntrain: {entrypoint: "train:train"}\n'
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "jenkins-ml.yaml").write_text(head + sections)
    return loader.load(folder)


def steady(rate: float, steps: int, start: float = 0) -> str:
    """A counter that grows by `rate` with every scrape, for so many scrapes after the first."""
    return f"{start:g}+{rate:g}x{steps}"


def counter(*pieces: tuple[float, int], start: float = 0) -> str:
    """A counter with pieces of (growth with a scrape, scrapes); a growth of -inf starts it anew at 0."""
    value, texts = start, [f"{start:g}"]
    for rate, steps in pieces:
        if rate == float("-inf"):
            value = 0
            texts += ["0"] * steps
            continue
        if steps:
            texts.append(f"{value + rate:g}+{rate:g}x{steps - 1}")
        value += rate * steps
    return " ".join(texts)


def values(each: Iterable[float | None]) -> str:
    """Any values, None for a scrape that found nothing; as short as promtool writes them."""
    texts: list[str] = []
    runs: list[tuple[float | None, int]] = []
    for value in each:
        if runs and runs[-1][0] == value:
            runs[-1] = (value, runs[-1][1] + 1)
        else:
            runs.append((value, 1))
    for value, count in runs:
        texts.append(f"_x{count}" if value is None else f"{value:g}+0x{count - 1}")
    return " ".join(texts)


def series(name: str, **labels: str) -> str:
    """A series of production, as promtool names it."""
    inside = ",".join(f"{label.rstrip('_')}={json.dumps(value)}" for label, value in {**PRODUCTION, **labels}.items())
    return f"{name}{{{inside}}}"


@dataclass(frozen=True)
class Case:
    """What is scraped, and what has to come of it.

    Args:
        name: of the case.
        alert: whose; "" for any that wakes somebody up.
        series: values by series, one each `scraped`.
        at: when it is looked at, such as 63m; silent cases are so all the time until then.
        fires: labels of each alert that fires then, beside those that it always has; none for a silent case.
        described: the description of each of these.
        rules: the name of the configuration whose rules are tested.
        scraped: time between two values.
        evaluated: time between two evaluations of the rules.
    """

    name: str
    alert: str
    series: Mapping[str, str]
    at: str
    fires: Sequence[Mapping[str, str]] = ()
    described: Sequence[str] = ()
    rules: str = "ours"
    scraped: str = "15s"
    evaluated: str = "30s"


def check(folder: Path, config: Config, case: Case) -> str:
    """Everything that promtool has to say against the case; "" when it holds.

    Args:
        folder: for its files.
        config: whose rules are tested: the group that the alert is in, and what that rests on.
        case: of that configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    groups = [each for each in rules.groups(config) if _matters(each, case)]
    (folder / "rules.yaml").write_text(text({"groups": groups}))
    alerting = {
        (each["alert"], each["labels"].get("reason") or each["labels"].get("limit")): each
        for group in groups
        for each in group["rules"]
        if "alert" in each
    }
    file = folder / "tests.json"  # JSON is YAML
    tests = [_test(case, alerting)]
    file.write_text(json.dumps({"rule_files": ["rules.yaml"], "evaluation_interval": case.evaluated, "tests": tests}))
    command = [programs()["promtool"], "test", "rules", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _matters(group: Mapping[str, Any], case: Case) -> bool:
    """The first group of an environment is what others rest on, and has all alerts that wake somebody up."""
    return group["name"] == "jenkins-ml:digits:production" or case.alert in {
        each.get("alert") for each in group["rules"]
    }


def _test(case: Case, alerting: Mapping[tuple[str, str | None], Mapping[str, Any]]) -> dict[str, Any]:
    test: dict[str, Any] = {
        "name": case.name,
        "interval": case.scraped,
        "input_series": [{"series": name, "values": each} for name, each in case.series.items()],
    }
    if not case.fires:
        alert = f'alertname="{case.alert}"' if case.alert else 'severity="page"'
        fired = f'count_over_time(ALERTS{{{alert},alertstate="firing"}}[{case.at}])'
        # Or a case with nothing to see would be silent, too.
        seen = {"expr": "count({__name__=~'.+'}) > bool 1", "eval_time": case.at}
        return {
            **test,
            "promql_expr_test": [
                {"expr": fired, "eval_time": case.at},
                {**seen, "exp_samples": [{"labels": "{}", "value": 1}]},
            ],
        }
    expected = []
    for labels, described in zip(case.fires, case.described, strict=True):
        rule = alerting[case.alert, labels.get("reason") or labels.get("limit")]
        notes = {**rule["annotations"], "description": described}
        notes = {name: _filled(note, labels) for name, note in notes.items()}
        expected.append({"exp_labels": {**rule["labels"], **labels}, "exp_annotations": notes})
    return {**test, "alert_rule_test": [{"alertname": case.alert, "eval_time": case.at, "exp_alerts": expected}]}


def _filled(note: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: labels[found[1]], note)
