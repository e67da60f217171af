"""What a Jenkins agent runs: one module a command; each only wires what stands below it."""

import os

_THREADS = "OPENBLAS_NUM_THREADS"
_chosen = os.environ.get(_THREADS)
# NumPy's OpenBLAS starts a thread for each core when it is imported: a tenth of the time of a light command, and no step
# multiplies matrices. Set before a step imports NumPy, and taken back before anything of the user's is started.
os.environ.setdefault(_THREADS, "1")


def restore_threads() -> None:
    """Take the limit of OpenBLAS back, so that processes started from here on have what the user chose."""
    if _chosen is None:
        os.environ.pop(_THREADS, None)
