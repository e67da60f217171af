"""Runs commands of jenkins-ml, and kills them with SIGKILL just before their N-th durable operation.

One JSON object a line on standard input: `argv`, `folder`, `environment`, `at` (0: never) and perhaps `at_entry`: killed
just before (`at` 0) or just after (`at` 1) it has written that entry of the journal. One a line comes back: `code`
(negative for a signal), `count` (operations that were begun), `out` and `err`. Each command runs in a process of its
own, forked from this one, which has imported what they need: so hundreds of them take seconds.

A durable operation is what outlives the process: opening a file for writing, creating, linking, renaming or removing a
name, fsync, and a request that changes something at the server's administration, at a Docker engine or at the API server
of Kubernetes; all as Python's audit events report them before they happen (fsync has none, so it is wrapped).
"""

import importlib
import json
import mmap
import os
import signal
import struct
import sys
import tempfile
from pathlib import Path

from jenkins_ml import cli, names
from jenkins_ml.steps.entry import guarded

NAMES = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
ADMIN = names.ADMIN_PREFIX.encode()
CHANGES = (b"POST ", b"PUT ", b"PATCH ", b"DELETE ")


def is_durable(event, arguments, folder):
    """Whether an audit event is about something that outlives the process."""
    if event in NAMES or (event == "open" and arguments[2] & WRITING):
        path = arguments[0]
        return isinstance(path, str | os.PathLike) and str(Path(path).absolute()).startswith(folder)
    return event == "http.client.send" and (
        ADMIN in bytes(arguments[1])[:100] or bytes(arguments[1][:7]).startswith(CHANGES)
    )


def install(counter, at, folder, at_entry=None):
    """Count in shared memory, and die before operation number `at`, or at a journal entry."""

    def count():
        number = struct.unpack_from("q", counter)[0] + 1
        struct.pack_into("q", counter, 0, number)
        if number == at and at_entry is None:
            os.kill(os.getpid(), signal.SIGKILL)

    def journal(event, arguments):
        """Entry N is there once its link is; what comes next of any kind comes after it."""
        if event == "os.kill":  # of this process, by this function
            return
        if event == "os.link" and str(arguments[1]).endswith(f"/journal/{at_entry:08d}.json"):
            written.append(at)
            if not at:
                os.kill(os.getpid(), signal.SIGKILL)
        elif written:
            os.kill(os.getpid(), signal.SIGKILL)

    written = []
    if at_entry is not None:
        sys.addaudithook(journal)

    real = os.fsync

    def fsync(descriptor):
        count()
        real(descriptor)

    os.fsync = fsync
    sys.addaudithook(lambda event, arguments: is_durable(event, arguments, folder) and count())


def become(job, counter, out, err):
    """In the forked process: run the command, and never come back."""
    code = 1
    try:
        for target, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), out, err)):
            os.dup2(descriptor, target)
        os.chdir(job["folder"])
        os.environ.clear()
        os.environ.update(job["environment"])
        if "fake_training" in job:
            from tests.fakes.training import install as install_fake_training

            install_fake_training(Path(job["fake_training"]))
        install(counter, job["at"], job["folder"], job.get("at_entry"))
        code = guarded(lambda: cli.command.main(job["argv"], prog_name="jenkins-ml", standalone_mode=False))
    finally:
        os._exit(code)


def run(job):
    """Fork, wait, and tell."""
    counter = mmap.mmap(-1, 8)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            become(job, counter, out.fileno(), err.fileno())
        _, status = os.waitpid(pid, 0)
        out.seek(0)
        err.seek(0)
        return {
            "code": os.waitstatus_to_exitcode(status),
            "count": struct.unpack_from("q", counter)[0],
            "out": out.read().decode("utf-8", "replace"),
            "err": err.read().decode("utf-8", "replace"),
        }


def main():
    for name in cli.COMMANDS:
        importlib.import_module(cli.module_of(name))
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
