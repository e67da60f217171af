"""A disk that is full, and a store that cannot be written: real ones, mounted for the test where we may, else limited."""

import contextlib
import os
import subprocess
import sys

import pytest

from jenkins_ml import names
from jenkins_ml.adapters.model_store import ModelStore

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("disk")]


def may_mount():
    """Whether this process may mount a file system."""
    if os.geteuid():
        return False
    done = subprocess.run(["unshare", "--mount", "true"], capture_output=True, timeout=10, check=False)
    return done.returncode == 0


needs_mount = pytest.mark.skipif(not may_mount(), reason="only root may mount a small file system")


@contextlib.contextmanager
def mounted(folder, *options):
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)], check=True, timeout=10)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=10)


def fill(folder):
    """Take what is left of a file system; answers the file that takes it."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))
    return filler


@needs_mount
def test_training_on_disks_of_every_size(project, tmp_path):
    """Wherever the space ends: nothing half, exit code 6 and its message; with enough space it is as ever."""
    codes = []
    for pages in range(3, 16, 2):
        with mounted(tmp_path / "small", "-o", f"size={pages * 4}k") as small:
            done = project.call("train", run="full", JENKINS_ML_STORE=str(small / "store"))
            codes.append(done.code)
            store = ModelStore(small / "store", "tiny")
            if done.code:
                assert (done.code, done.errors) == (6, 1), done.err
                assert "the disk is full" in done.error
                assert "next: free some space" in done.error
            for version in store.versions():
                store.verify(store.manifest(version)[1])
            assert not done.code or store.versions() == () or not (store.home / "runs/full/train.json").exists()
            assert [path for path in (store.home / "staging").glob("*") if path.is_dir()] == []
    assert codes == sorted(codes, reverse=True), "more space never makes it worse"
    assert {codes[0], codes[-1]} == {6, 0}, codes


@needs_mount
@pytest.mark.parametrize("stage", ["gate", "serve", "rollback"])
def test_a_disk_that_fills_up_between_stages(project, tmp_path, stage):
    with mounted(tmp_path / "small", "-o", "size=4m") as small:
        project.change(names.CONFIG_FILE, "model: tiny", f"model: tiny\nstore: {small}/store")
        project.commit("another store")
        project.store_root = small / "store"
        store = project.store
        project.ok("run", run="first")
        project.ok("train", run="second")
        if stage != "gate":
            project.ok("gate", run="second")
        if stage == "rollback":
            project.ok("serve", run="second")
        before = store.journal.entries()
        filler = fill(small)
        done = project.call(stage, run="second")
        assert (done.code, done.errors) == (6, 1), done.err
        assert "the disk is full" in done.error
        project.ok("models", "verify")
        assert store.journal.entries()[: len(before)] == before
        answering = project.answering()
        filler.unlink()
        project.ok(stage, run="second")
        assert project.answering() == project.production() == {"gate": 1, "serve": 2, "rollback": 1}[stage]
        assert answering == {"gate": 1, "serve": 1, "rollback": 2}[stage]
        project.stop_server()


@pytest.mark.parametrize("command", ["train", "gate", "serve"])
def test_files_that_may_not_grow(gated, command):
    """What everybody can have of a full disk: a limit on the size of files."""
    before = sorted(gated.store.home.rglob("*"))
    done = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -f 0 && exec "$@"', "sh", sys.executable, "-m", "jenkins_ml.cli", command],
        cwd=gated.folder, env=gated.environment("limited"), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 6, done.stderr
    assert "error: writing the record of run: File too large" in done.stderr
    assert [path for path in gated.store.home.rglob("*") if path.is_file() and path not in before] == []


@needs_mount
@pytest.mark.parametrize("command", [("train",), ("gate",), ("serve",), ("rollback",), ("server",)])
def test_a_store_that_is_read_only(gated, command):
    subprocess.run(["mount", "--bind", str(gated.store.root), str(gated.store.root)], check=True, timeout=10)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(gated.store.root)], check=True, timeout=10)
        done = gated.call(*command, run="new" if command == ("train",) else "first")
    finally:
        subprocess.run(["umount", "--lazy", str(gated.store.root)], check=True, timeout=10)
    assert (done.code, done.errors) == (2, 1), done.err
    assert "not permitted" in done.error
    assert "next: check the owner and the rights" in done.error
    assert gated.kinds() == ["decision"]
