"""The shared library: every step has its help, and the help names every setting."""

import re

import pytest

from jenkins_ml.cli import COMMANDS
from tests.fakes.repository import ROOT

STEPS = sorted(path.stem for path in (ROOT / "vars").glob("*.groovy"))


def settings(step: str) -> set[str]:
    """The keys of the default map, which is the first thing in a step."""
    text = (ROOT / "vars" / f"{step}.groovy").read_text()
    [block] = re.findall(r"Map settings = \[\n(.*?)\n  \]", text, re.DOTALL)
    return set(re.findall(r"^    (\w+):", block, re.MULTILINE))


def test_the_library_has_a_step_for_each_stage():
    stages = {name.lower() for name in ("Test", "Train", "Gate", "Serve", "Monitor", "Rollback")}
    assert stages <= set(COMMANDS)
    assert {f"ml{name.title()}" for name in stages} <= set(STEPS)


@pytest.mark.parametrize("step", STEPS)
def test_every_setting_is_commented_and_in_the_help(step):
    text = (ROOT / "vars" / f"{step}.groovy").read_text()
    [block] = re.findall(r"Map settings = \[\n(.*?)\n  \]", text, re.DOTALL)
    assert all("//" in line for line in block.splitlines()), block
    if step != "mlStage":  # its own callers document what they pass on
        help_text = (ROOT / "vars" / f"{step}.txt").read_text()
        for key in settings(step):
            assert f"<code>{key}</code>" in help_text, key


@pytest.mark.parametrize("step", STEPS)
def test_every_step_is_in_the_page(step):
    if step != "mlStage":
        assert f"| `{step}` |" in (ROOT / "docs/shared-library.md").read_text()


@pytest.mark.parametrize("step", STEPS)
def test_shell_lines_are_constants(step):
    text = (ROOT / "vars" / f"{step}.groovy").read_text()
    for line in text.splitlines():
        if re.search(r"\bsh\b.*\"", line) and "label" not in line:
            assert not re.search(r"\bsh\b.*\"[^']*\$\{", line), line
