"""A decision as JUnit XML: Jenkins shows one test a condition, and their history over the builds."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite

from jenkins_ml.records import Condition, Decision
from jenkins_ml.reporting.files import write_atomically
from jenkins_ml.reporting.text import one_line


def write(path: Path, decision: Decision) -> None:
    """Write the conditions of a decision as test cases.

    A failed condition is a failure; an inconclusive one is a failure where the verdict is inconclusive; a skipped one
    is skipped. A verdict other than approved that no condition explains is a failed case of its own, so that no
    refused model looks green.

    Raises:
        StageFailed: the file cannot be written.
    """
    suite = TestSuite(one_line(f"gate of {decision.model}"))
    class_name = one_line(f"{decision.model}.gate")
    cases = [_case(condition, class_name, decision) for condition in decision.conditions]
    if decision.verdict != "approved" and not any(case.is_failure for case in cases):
        case = TestCase("verdict", class_name)
        case.result = Failure(one_line(decision.summary), decision.verdict)
        cases.append(case)
    suite.add_testcases(cases)
    document = JUnitXml("gate")
    document.add_testsuite(suite)
    buffer = BytesIO()
    document.write(buffer)
    write_atomically(path, buffer.getvalue().decode())


def _case(condition: Condition, class_name: str, decision: Decision) -> TestCase:
    case = TestCase(one_line(condition.name), class_name)
    reason = one_line(condition.reason)
    undecided = condition.outcome == "inconclusive" and decision.verdict == "inconclusive"
    if condition.outcome == "failed" or undecided:
        case.result = Failure(reason, condition.outcome)
    elif condition.outcome == "skipped":
        case.result = Skipped(reason)
    else:
        case.system_out = f"{condition.outcome}: {reason}"
    return case
