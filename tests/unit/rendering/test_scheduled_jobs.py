"""Jobs of jobs.yaml that start by themselves."""

import pytest

from jenkins_ml.config.jobs import TYPES
from jenkins_ml.core.jobs import classes
from jenkins_ml.rendering.job_xml import config


def specs(**more):
    made = TYPES[more["type"]].model_validate({"name": "a", "scm": {"git": "https://git.example.com/x"}, **more})
    triggers = config(made).at("properties", classes.TRIGGERS, "triggers")
    return [each.child("spec").text for each in triggers.children] if triggers else []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "monitor"}, ["H/10 * * * *"]),
        ({"type": "monitor", "schedule": "H * * * *"}, ["H * * * *"]),
        ({"type": "rollback"}, []),
    ],
)
def test_a_monitor_looks_by_itself_and_nothing_else_does(given, expected):
    assert specs(**given) == expected
