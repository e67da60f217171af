"""Reports of fixed decisions, byte for byte.

After a change that is meant, run this with UPDATE_GOLDEN=1 and read the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from report_examples import BINARY, DATA, FILES, FIRST

from jenkins_ml.reporting import html, junit, markdown
from jenkins_ml.reporting.data import ReportData

GOLDEN = Path(__file__).parents[2] / "golden" / "report"


@pytest.mark.parametrize(
    ("name", "data"), [("inconclusive", DATA), ("first-release", FIRST), ("slices", BINARY), ("files", FILES)]
)
def test_reports_are_as_reviewed(name: str, data: ReportData, tmp_path: Path) -> None:
    expected = GOLDEN / name
    written = expected if os.environ.get("UPDATE_GOLDEN") else tmp_path
    html.write(written, data)
    junit.write(written / "junit.xml", data.decision)
    (written / "summary.md").write_text(markdown.summary(data.decision))
    (written / "style.css").unlink()  # a copy of templates/report/style.css
    assert {path.name: path.read_text() for path in written.iterdir()} == {
        path.name: path.read_text() for path in expected.iterdir()
    }
