"""The file that many processes append to."""

import subprocess
import sys
import threading

import pytest

from jenkins_ml.adapters.log_file import LogFile


def test_lines_of_many_writers_stay_whole(tmp_path):
    path = tmp_path / "logs" / "a.ndjson"

    def write(writer):
        log = LogFile(path, pytest.fail)
        for number in range(200):
            assert log.append(f"{writer} {number} {'x' * 300}\n".encode())

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [line.split() for line in path.read_text().splitlines()]
    assert sorted((int(a), int(b)) for a, b, _ in found) == [(a, b) for a in range(4) for b in range(200)]
    assert {rest for *_, rest in found} == {"x" * 300}


def test_a_full_file_gets_another_name_and_the_oldest_goes(tmp_path):
    log = LogFile(tmp_path / "a", pytest.fail, most_bytes=20, old_files=2)
    for number in range(9):
        log.append(f"line {number}\n".encode())
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "a.1": "line 6\nline 7\nline 8\n",
        "a.2": "line 3\nline 4\nline 5\n",
    }


def test_two_writers_that_find_it_full_rename_it_once(tmp_path):
    path = tmp_path / "a"
    first, second = (LogFile(path, pytest.fail, most_bytes=5) for _ in range(2))
    first.append(b"first\n")
    second.append(b"second\n")
    assert (tmp_path / "a.1").read_bytes() == b"second\n"
    assert (tmp_path / "a.2").read_bytes() == b"first\n"


def test_a_folder_that_cannot_be_is_told_of_once_until_it_can(tmp_path):
    told = []
    (tmp_path / "folder").write_text("a file")
    log = LogFile(tmp_path / "folder" / "a", told.append)
    assert not log.append(b"1\n")
    assert not log.append(b"2\n")
    assert len(told) == 1
    assert "cannot be written" in told[0]
    (tmp_path / "folder").unlink()
    assert log.append(b"3\n")
    assert log.path.read_bytes() == b"3\n"


def test_a_line_that_a_full_disk_cut_off_does_not_spoil_the_next_one(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"whole\ncut o")
    LogFile(path, pytest.fail).append(b"next\n")
    assert path.read_bytes() == b"whole\ncut o\nnext\n"


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from jenkins_ml.adapters.log_file import LogFile

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
told = []
log = LogFile(Path(sys.argv[1]), told.append)
print([log.append(b"x" * 20 + b"\\n"), log.append(b"again\\n")], len(told))
"""


def test_a_full_disk_fails_nothing(tmp_path):
    """The kernel's limit of a file's size: a write is cut short there, as on a disk that fills up, and then refused."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "a"], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[False, False] 1", "")
