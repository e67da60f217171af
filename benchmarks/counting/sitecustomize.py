"""Put on PYTHONPATH by the quickstart benchmark: every Python process tells what it costs.

One JSON line an event is appended to the file that BENCHMARK_EVENTS names: "import" when TensorFlow has been imported,
"exit" at the end. Keras and TensorFlow import each other, so only the outermost of the two is told.
"""

import atexit
import importlib.machinery
import json
import os
import sys
import time

_WATCHED = ("tensorflow", "keras")


def _tell(event, cpu, wall):
    line = json.dumps({"event": event, "pid": os.getpid(), "argv": sys.orig_argv, "cpu": cpu, "wall": wall}) + "\n"
    descriptor = os.open(os.environ["BENCHMARK_EVENTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, line.encode())
    os.close(descriptor)


class _Watch:
    """Finds what PathFinder finds, and times the outermost import of what is watched."""

    depth = 0

    def find_spec(self, name, path=None, target=None):
        if name not in _WATCHED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module
            spec.loader.exec_module = lambda module: self.timed(execute, module)
        return spec

    def timed(self, execute, module):
        self.depth += 1
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            execute(module)
        finally:
            self.depth -= 1
            if not self.depth:
                _tell("import", time.process_time() - cpu, time.perf_counter() - wall)


if "BENCHMARK_EVENTS" in os.environ:
    _began, _exit = time.perf_counter(), os._exit

    def _tell_exit():
        _tell("exit", time.process_time(), time.perf_counter() - _began)

    def _exit_telling(status):
        _tell_exit()
        _exit(status)

    sys.meta_path.insert(0, _Watch())
    atexit.register(_tell_exit)
    os._exit = _exit_telling  # which runs no atexit functions
