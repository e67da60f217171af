"""How the scripts of this folder are asked, each in the environment of its peer; they know nothing of ours.

SCRIPT alarms COLUMNS ROWS REFERENCE_ROWS SHIFT REPEATS SEED    how often anything is said to have drifted
SCRIPT time COLUMNS ROWS                                        what one comparison costs
"""

import json
import sys
import time
from collections.abc import Callable

import numpy as np

Look = Callable[[np.ndarray, np.ndarray], bool]


def main(version: str, look: Look) -> None:
    """Answer one question as one line of JSON.

    Args:
        version: of the peer.
        look: takes a reference and what is compared with it, both of shape (rows, columns); whether anything has drifted.
    """
    kind, *rest = sys.argv[1:]
    answer = {"version": version} | (_alarms if kind == "alarms" else _time)(look, rest)
    print(json.dumps(answer))


def _alarms(look: Look, arguments: list[str]) -> dict:
    columns, rows, reference_rows, repeats, seed = (int(arguments[place]) for place in (0, 1, 2, 4, 5))
    shift, generator = float(arguments[3]), np.random.default_rng(seed)
    alarms = 0
    for _ in range(repeats):
        reference = generator.normal(size=(reference_rows, columns))
        alarms += look(reference, generator.normal(shift, 1, size=(rows, columns)))
    return {"alarms": alarms}


def _time(look: Look, arguments: list[str]) -> dict:
    columns, rows = map(int, arguments)
    generator = np.random.default_rng(1)
    reference, now = generator.normal(size=(2, rows, columns))
    look(reference[:1000], now[:1000])  # whatever is imported or compiled at the first time
    began, wall = time.process_time(), time.monotonic()
    look(reference, now)
    return {"cpu": time.process_time() - began, "wall": time.monotonic() - wall}
