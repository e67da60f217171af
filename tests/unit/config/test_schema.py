"""The committed page and schema are those of the model, and say what a user would write."""

from datetime import timedelta
from pathlib import Path

import pytest

from jenkins_ml.config.schema import PAGE, SCHEMA, format_duration, json_schema, main
from jenkins_ml.config.section import parse_duration

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", [PAGE, SCHEMA])
def test_the_committed_files_are_current(tmp_path: Path, name):
    main([str(tmp_path)])
    assert (DOCS / name).read_text() == (tmp_path / name).read_text(), "run: python -m jenkins_ml.config.schema docs/"


def test_every_key_has_a_line_on_the_page():
    page = (DOCS / PAGE).read_text()
    sections = [json_schema(), *json_schema()["$defs"].values()]
    keys = {key for section in sections for key in section.get("properties", {})}
    assert len(keys) > 30
    assert [key for key in keys if f"| `{key}` |" not in page] == []


def test_defaults_are_written_as_in_the_file():
    definitions = json_schema()["$defs"]
    assert definitions["Canary"]["properties"]["interval"]["default"] == "1m"
    assert definitions["Canary"]["properties"]["steps"]["default"] == [5, 25, 50, 100]


@pytest.mark.parametrize("text", ["500ms", "90s", "10m", "2h", "1d", "0ms", "1001ms", "25h"])
def test_durations_are_written_as_they_are_read(text):
    assert format_duration(parse_duration(text)) == text


def test_the_shortest_unit_is_chosen():
    assert format_duration(timedelta(minutes=120)) == "2h"
