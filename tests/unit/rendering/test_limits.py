"""What no server could load is refused, and what comes near to it is warned of."""

import json

import pytest

from jenkins_ml.config.loader import loads
from jenkins_ml.config.model import Config
from jenkins_ml.errors import UsageError
from jenkins_ml.rendering import limits
from jenkins_ml.rendering.warnings import warnings

TEXT = 'model: digits\ndata: {load: "data:load"}\ntrain: {entrypoint: "model:train", params: {seed: 1}}\nstore: /srv/models\n'


def config(**jenkins: object) -> Config:
    return loads(TEXT + f"jenkins: {json.dumps(jenkins, ensure_ascii=False)}\n")


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (lambda n: {"parameters": [{"choice": "SIZE", "choices": [str(i) for i in range(n)]}]}, "the choices of SIZE"),
        (lambda n: {"matrix": {"axes": {"seed": list(range(n))}}}, "jenkins.matrix.axes.seed"),
    ],
)
def test_a_list_of_250_is_the_longest(kind, what):
    limits.check(config(**kind(250)))
    with pytest.raises(UsageError, match=f"{what}: 251 are too many") as caught:
        limits.check(config(**kind(251)))
    assert caught.value.exit_code == 2


def test_variables_count_together():
    with pytest.raises(UsageError, match="together: 260 are too many"):
        limits.check(config(environment={f"V{i}": "x" for i in range(250)}))


def test_a_text_fits_into_a_class_file():
    limits.check(config(environment={"V": "x" * 65_535}))
    for text in ("x" * 65_536, "\u20ac" * 21_846, "\U0001f600" * 10_923):
        with pytest.raises(UsageError, match=r"jenkins\.environment\.V is too long"):
            limits.check(config(environment={"V": text}))


def test_many_parameters_are_warned_of():
    agent = {"node": "ml-1"}
    few = [{"string": f"P{i}"} for i in range(60)]
    assert not list(warnings(config(agent=agent, parameters=few)))
    [warning] = warnings(config(agent=agent, parameters=[*few, {"string": "LAST"}]))
    assert "61 build parameters" in warning


def test_a_local_target_without_a_fixed_agent_and_a_relative_store_are_warned_of():
    [fixed] = warnings(config(agent={"label": "linux"}))
    assert "no agent is named" in fixed
    assert not list(warnings(config(agent={"label": "linux"}, agents={"serve": {"node": "ml-1"}})))
    [relative] = warnings(loads(TEXT.replace("/srv/models", "models") + "jenkins: {agent: {node: ml-1}}\n"))
    assert "JENKINS_ML_STORE" in relative


def test_a_credential_that_every_branch_sees_is_warned_of():
    agent = {"node": "ml-1"}
    [warning] = warnings(config(agent=agent, credentials={"TOKEN": "t", "KEY": {"id": "k", "stages": ["serve"]}}))
    assert "sees TOKEN:" in warning
    assert not list(warnings(config(agent=agent, multibranch=False, credentials={"TOKEN": "t"})))
