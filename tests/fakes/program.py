"""A fake of the `jenkins-ml` program: notes how it was called, answers as it was told to, and does nothing else.

It stands on the PATH of builds that are about the Jenkinsfile, not about a model. What it shall answer comes with the
build's environment: FAKE_CODES, a JSON object of exit codes by "command", or by "command cell" (such as "gate seed=2").
"""

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

_PROGRAM = """#!{python} -I
import json, os, pathlib, sys
command = sys.argv[1]
run = os.environ.get("JENKINS_ML_RUN", "")
codes = json.loads(os.environ.get("FAKE_CODES", "{{}}"))
code = codes.get(f"{{command}} {{run.partition(',')[2]}}", codes.get(command, 0))
note = {{"arguments": sys.argv[1:], "directory": os.getcwd(), "environment": dict(os.environ), "code": code}}
with open({notes!r}, "a") as stream:
    stream.write(json.dumps(note) + "\\n")
reports = pathlib.Path(".jenkins-ml/reports")
reports.mkdir(parents=True, exist_ok=True)
if code:
    (reports / "failure.txt").write_text(f"{{command}} ended with {{code}}\\n")
if "--json" in sys.argv:
    answer = {{"version": 7, "verdict": "approved" if not code else "rejected", "metrics": {{"accuracy": 0.9375}}}}
    print(json.dumps(answer if command == "gate" else {{"version": 7}}))
sys.exit(code)
"""


class Program:
    """The program in a folder of its own, to be put first on a PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._notes = folder / "notes.jsonl"
        folder.mkdir(parents=True)
        path = folder / "jenkins-ml"
        path.write_text(_PROGRAM.format(python=sys.executable, notes=str(self._notes)))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    @property
    def path(self) -> str:
        """A PATH on which it is found first."""
        return os.pathsep.join((str(self.folder), os.environ["PATH"]))

    def calls(self) -> list[dict[str, Any]]:
        """How it was called since the last time this was asked: arguments, directory, environment, code."""
        if not self._notes.exists():
            return []
        lines = self._notes.read_text().splitlines()
        self._notes.unlink()
        return [json.loads(line) for line in lines]
