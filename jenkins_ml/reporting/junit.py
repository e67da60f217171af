"""A decision as JUnit XML: Jenkins shows one test a condition, and their history over the builds."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import Final

from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite

from jenkins_ml.records import Condition, Decision
from jenkins_ml.reporting.files import write_atomically
from jenkins_ml.reporting.text import REPLACEMENT

_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(path: Path, decision: Decision) -> None:
    """Write the conditions of a decision as test cases.

    A failed condition is a failure; an inconclusive one is a failure where the verdict is inconclusive; a skipped one
    is skipped. A verdict other than approved that no condition explains is a failed case of its own, so that no
    refused model looks green. Texts are carried as they are, also over several lines; U+FFFD stands for each character
    that XML 1.0 cannot carry.

    Raises:
        StageFailed: the file cannot be written.
    """
    suite = TestSuite(_carried(f"gate of {decision.model}"))
    class_name = _carried(f"{decision.model}.gate")
    cases = [_case(condition, class_name, decision) for condition in decision.conditions]
    if decision.verdict != "approved" and not any(case.is_failure for case in cases):
        case = TestCase("verdict", class_name)
        case.result = Failure(_carried(decision.summary), decision.verdict)
        cases.append(case)
    suite.add_testcases(cases)
    document = JUnitXml("gate")
    document.add_testsuite(suite)
    buffer = BytesIO()
    document.write(buffer)
    # A parser takes a bare CR for a line feed. Those left here stand in texts: the writer escapes them in attributes.
    write_atomically(path, buffer.getvalue().replace(b"\r", b"&#13;").decode())


def _case(condition: Condition, class_name: str, decision: Decision) -> TestCase:
    case = TestCase(_carried(condition.name), class_name)
    reason = _carried(condition.reason)
    undecided = condition.outcome == "inconclusive" and decision.verdict == "inconclusive"
    if condition.outcome == "failed" or undecided:
        case.result = Failure(reason, condition.outcome)
    elif condition.outcome == "skipped":
        case.result = Skipped(reason)
    else:
        case.system_out = f"{condition.outcome}: {reason}"
    return case


def _carried(text: str) -> str:
    return _NOT_IN_XML.sub(REPLACEMENT, text)
