"""What is documented is what there is: commands, options, exit codes, layers, environment variables, metrics."""

import importlib
import re
import tomllib
from pathlib import Path

import click
import pytest

from jenkins_ml import errors, names
from jenkins_ml.cli import COMMANDS, module_of

ROOT = Path(__file__).parents[2]


def read(name):
    return (ROOT / name).read_text()


def options(command, path):
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from options(command.get_command(context, name), f"{path} {name}")
        return
    for parameter in command.params:
        for option in parameter.opts:
            if option.startswith("--"):
                yield path, option


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_its_line(name):
    command = importlib.import_module(module_of(name)).command
    lines = [line for line in read("docs/command-line.md").splitlines() if line.startswith(f"| `{name}")]
    assert lines
    for path, option in options(command, name):
        assert any(line.startswith(f"| `{path}") and option in line for line in lines), f"{path} {option}"


def test_no_documented_command_is_missing():
    documented = set(re.findall(r"^\| `([a-z-]+)", read("docs/command-line.md").split("## Environment")[0], re.M))
    assert documented == set(COMMANDS)


def test_every_exit_code_has_its_line():
    classes = [
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.JenkinsMLError)
    ]
    codes = {0, *(cls.exit_code for cls in classes)}
    assert set(map(int, re.findall(r"^\| (\d+) \|", read("docs/exit-codes.md"), re.M))) == codes


def test_every_environment_variable_and_metric_is_documented():
    page = read("docs/command-line.md")
    for key, value in vars(names).items():
        if key.startswith(("ENV_", "METRIC_")):
            assert f"`{value}`" in page, value


def test_the_architecture_page_names_the_layers_that_are_held():
    contract = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"][0]
    held = [set(re.split(r" \| ", layer)) for layer in contract["layers"]]
    table = read("docs/architecture.md").split("| layer |")[1].split("\n\n")[0]
    told = [set(re.findall(r"`(\w+)`", row.split("|")[1])) for row in table.splitlines() if row.startswith("| `")]
    assert told == held


def test_links_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/README.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target}"
