"""Runs Jenkinsfiles in the harness of tests/groovy: as a real Jenkins would, with real commands."""

import json
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

RUN = Path(__file__).parent / "groovy" / "run"
DEADLINE_SECONDS = 900


def run_jenkinsfiles(
    files: Iterable[Path | str], *, library: Path | str | None = None, options: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """What the server would say of each file and what its build does; see tests/groovy/README.md for the options."""
    command = [str(RUN), "--json", *options]
    if library is not None:
        command += ["--library", str(library)]
    command += [str(file) for file in files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(f"the harness ended with {done.returncode}:\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]
