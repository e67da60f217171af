"""A decision as JUnit XML: Jenkins shows one test a condition, and their history over the builds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from jenkins_ml.records import Decision
from jenkins_ml.reporting import subject
from jenkins_ml.reporting.conditions import Line, lines
from jenkins_ml.reporting.files import write_atomically
from jenkins_ml.reporting.text import REPLACEMENT

_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(path: Path, decision: Decision) -> None:
    """Write the conditions of a decision as test cases, those of a slice in a class of their own.

    A failed condition is a failure; an inconclusive one is a failure where the verdict is inconclusive; a skipped one
    is skipped. A verdict other than approved that no condition explains is a failed case of its own, so that no
    refused model looks green. Texts are carried as they are, also over several lines; U+FFFD stands for each character
    that XML 1.0 cannot carry.

    Raises:
        StageFailed: the file cannot be written.
    """
    document = ET.Element("testsuites", name="gate")
    suite = ET.SubElement(document, "testsuite", name=_carried(f"gate of {decision.model}"))
    found = lines(decision)
    results = [_add_case(suite, line, decision) for line in (*found.overall, *found.sliced)]
    if decision.verdict != "approved" and "failure" not in results:
        case = ET.SubElement(suite, "testcase", name="verdict", classname=_class_name(decision, ""))
        ET.SubElement(case, "failure", message=_carried(decision.summary), type=decision.verdict)
        results.append("failure")
    counts = {"tests": len(results), "failures": results.count("failure"), "skipped": results.count("skipped")}
    suite.attrib |= {name: str(count) for name, count in {**counts, "errors": 0, "time": 0}.items()}
    ET.indent(document)
    written = ET.tostring(document, encoding="utf-8", xml_declaration=True).decode()
    # A parser takes a bare CR for a line feed. Those left here stand in texts: the writer escapes them in attributes.
    write_atomically(path, written.replace("\r", "&#13;") + "\n")


def _add_case(suite: ET.Element, line: Line, decision: Decision) -> str:
    """Add a condition; answers the tag of its result."""
    condition = line.condition
    case = ET.SubElement(
        suite, "testcase", name=_carried(condition.name), classname=_class_name(decision, condition.slice)
    )
    reason, numbers = _carried(condition.reason), line.numbers(subject.other(decision))
    undecided = condition.outcome == "inconclusive" and decision.verdict == "inconclusive"
    if condition.outcome == "failed" or undecided:
        ET.SubElement(case, "failure", message=reason, type=condition.outcome).text = numbers
        return "failure"
    if condition.outcome == "skipped":
        ET.SubElement(case, "skipped", message=reason)
        return "skipped"
    ET.SubElement(case, "system-out").text = f"{condition.outcome}: {reason}\n{numbers}"
    return "system-out"


def _class_name(decision: Decision, where: str) -> str:
    """Jenkins takes what stands before the last dot for a package: a slice's own dots would tear it apart."""
    name = f"{decision.model}.gate"
    return _carried(f"{name} {where.replace('.', '_')}" if where else name)


def _carried(text: str) -> str:
    return _NOT_IN_XML.sub(REPLACEMENT, text)
