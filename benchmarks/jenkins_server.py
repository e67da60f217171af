"""A fake Jenkins in a process of its own, which counts the requests that it gets.

`Jenkins` starts one; the process reads what it is asked from its standard input, a line of JSON each, and answers with
a line of JSON. It ends with its input.
"""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType
from typing import Any, Self

from benchmarks.machine import ROOT
from benchmarks.processes import PYTHON, environment

LATENCY_SECONDS = 0.02


class Jenkins:
    """A server; as a context manager it runs."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            (PYTHON, "-m", "benchmarks.jenkins_server"),
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url, self.user, self.token = self._answer()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        ended = self._process.wait(60)
        self._process.stdout.close()
        if ended and kind is None:
            raise SystemExit(f"the fake Jenkins ended with {ended}: its output is above")

    def requests(self) -> int:
        """How many it got since it was asked last."""
        return int(self._ask("requests"))

    def items(self) -> list[str]:
        """Full names of its folders and jobs."""
        return list(self._ask("items"))

    def config(self, name: str) -> str:
        """What it gives as the configuration of one."""
        return str(self._ask("config", name))

    def save(self) -> int:
        """It saves everything, as a server does by itself; how many configurations then are other bytes."""
        return int(self._ask("save"))

    def edit(self, name: str, before: str, after: str) -> None:
        """Somebody changes one by hand, and the server saves it."""
        self._ask("edit", name, before, after)

    def _ask(self, *words: str) -> Any:
        assert self._process.stdin is not None
        print(json.dumps(words), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the fake Jenkins has ended: its output is above")
        return json.loads(line)


def main() -> None:
    """Answers what it is asked until nobody asks any more."""
    from tests.fakes.jenkins import FakeJenkins

    server = FakeJenkins(latency=LATENCY_SECONDS)
    server.keep_requests = False
    seen: list[None] = []  # one a request; appending is safe from the threads of all connections
    server.on_request = lambda _: seen.append(None)

    def requests() -> int:
        found = len(seen)
        seen.clear()
        return found

    def save() -> int:
        names = items()
        before = [server.config(name) for name in names]
        for name in names:
            server.save(name)
        return sum(server.config(name) != text for name, text in zip(names, before, strict=True))

    def items() -> list[str]:
        return [each.full_name for each in server.root.walk()]

    def edit(name: str, before: str, after: str) -> None:
        text = server.config(name)
        assert text.count(before) == 1, f"{name} has {before!r} {text.count(before)} times"
        server.put(name, text.replace(before, after))
        server.save(name)

    deeds = {"requests": requests, "items": items, "config": server.config, "save": save, "edit": edit}
    with server:
        print(json.dumps([server.url, server.admin.name, server.admin.token]), flush=True)
        for line in sys.stdin:
            deed, *words = json.loads(line)
            print(json.dumps(deeds[deed](*words)), flush=True)


if __name__ == "__main__":
    main()
