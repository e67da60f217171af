"""The images that tests start containers of; no registry is asked: one Debian file system, and the packages of this environment.

BASE    Debian 12 with Python 3.11 and HAProxy 2.6
PROXY   the same, started as the official image of HAProxy is; it stands in for that one
PYTHON  the same with `python3 -m jenkins_ml.server.standalone`, and TensorFlow
PAUSE   the same, doing nothing: what holds the namespaces of a pod
"""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

from tests.engines import cache
from tests.engines.archives import Image, Layer
from tests.engines.missing import MissingPart, need

BASE = "jenkins-ml-tests/base:local"
PROXY = "jenkins-ml-tests/haproxy:local"
PACKAGES = "jenkins-ml-tests/packages:local"
PYTHON = "jenkins-ml-tests/python:local"
PAUSE = "jenkins-ml-tests/pause:local"

SUITE = "bookworm"
ROOT = Path(__file__).resolve().parents[2]
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Debian's Python looks here for what its packages did not bring.
DIST_PACKAGES = "usr/local/lib/python3.11/dist-packages"
# What our server imports, by the names of distributions; TensorFlow comes under two.
SERVER_NEEDS = (
    *("click", "jinja2", "numpy", "pydantic", "rich", "ruamel.yaml"),
    *("grpcio", "protobuf", "prometheus-client", "starlette", "uvicorn", "httptools"),
    *("tensorflow-cpu", "tensorflow", "keras"),
)
# Scripts, tests, headers, and a compiler's library of 63 MB: nothing that a server reads.
NOT_SERVED = re.compile(r"(^|/)(tests|include)/|^\.\./|\.(pyi|a|h)$")
NOT_SERVED_DISTRIBUTIONS = {"libclang", "pip", "wheel"}

# As the official image does with what is not an option: the master, in the foreground.
PROXY_ENTRY = """#!/bin/sh
set -e
if [ "${1#-}" != "$1" ]; then set -- haproxy "$@"; fi
if [ "$1" = haproxy ]; then shift; set -- haproxy -W -db "$@"; fi
exec "$@"
"""
SMALLER = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale", "var/log/apt")


def base() -> Image:
    """Debian with Python and HAProxy."""
    return Image(BASE, (_debian(),), {"Env": [PATH], "Cmd": ["python3"]})


def proxy() -> Image:
    """The stand-in for the official image of HAProxy."""
    config = {
        "Env": [PATH, "HAPROXY_VERSION=2.6"],
        "User": "haproxy",
        "WorkingDir": "/var/lib/haproxy",
        "Entrypoint": ["docker-entrypoint.sh"],
        "Cmd": ["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"],
        "StopSignal": "SIGUSR1",
    }
    return Image(PROXY, (_debian(),), config)


def pause() -> Image:
    """What a pod's own container runs."""
    return Image(PAUSE, (_debian(),), {"Env": [PATH], "Cmd": ["sleep", "infinity"]})


def packages() -> Image:
    """What our server needs, out of the environment that runs the tests."""
    return Image(PACKAGES, (_debian(), _packages()), {"Env": [PATH], "Cmd": ["python3"]})


def python() -> Image:
    """The same with our server, as this checkout has it."""
    below = packages()
    return Image(PYTHON, (*below.layers, _ours()), below.config)


# --- Debian ---------------------------------------------------------------------------------------------------------
def _debian() -> Layer:
    made_of = cache.key(SUITE, PROXY_ENTRY, SMALLER, "python3 ca-certificates haproxy")
    return Layer.of(cache.kept("debian", made_of, _make_debian) / "layer.tar")


def _make_debian(folder: Path) -> None:
    need("debootstrap", root=True)
    root = folder / "root"
    command = ["debootstrap", "--variant=minbase", "--include=python3,ca-certificates,haproxy", SUITE, str(root)]
    with (folder / "log").open("w") as log:
        done = subprocess.run([*command, *_mirror()], stdout=log, stderr=log, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{(folder / 'log').read_text()[-2000:]}")
    for each in SMALLER:
        shutil.rmtree(root / each, ignore_errors=True)
        (root / each).mkdir(parents=True)
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    entry = root / "usr/local/bin/docker-entrypoint.sh"
    entry.write_text(PROXY_ENTRY)
    entry.chmod(0o755)
    # The official image's numbers: a deployer hands over files for them.
    subprocess.run(["chroot", root, "groupmod", "--gid", "99", "haproxy"], check=True)
    subprocess.run(["chroot", root, "usermod", "--uid", "99", "--gid", "99", "haproxy"], check=True)
    subprocess.run(["chroot", root, "chown", "haproxy:haproxy", "/var/lib/haproxy"], check=True)
    (root / "usr/local/etc/haproxy").mkdir(parents=True)
    layer = folder / "layer.tar"
    subprocess.run(["tar", "-C", root, "--numeric-owner", "--one-file-system", "-cf", layer, "."], check=True)
    shutil.rmtree(root)


def _mirror() -> list[str]:
    """The mirror that this machine's own packages come from, if it has this suite."""
    if shutil.which("apt-get") is None:
        return []
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)", "Created-By: Packages"]
    lines = subprocess.run(targets, capture_output=True, text=True, check=False).stdout.splitlines()
    return [line.split()[0] for line in lines if line.split()[1:] == [SUITE, "main"]][:1]


# --- Python ---------------------------------------------------------------------------------------------------------
def _packages() -> Layer:
    if sys.version_info[:2] != (3, 11):
        raise MissingPart("needs Python 3.11, as Debian 12 has it: its image gets the packages of this environment")
    needed = sorted(_needed().items())
    made_of = cache.key(NOT_SERVED.pattern, [[name, each.version] for name, each in needed])

    def make(folder: Path) -> None:
        _write(folder / "layer.tar", sorted(_files(each for _, each in needed)))

    return Layer.of(cache.kept("python", made_of, make) / "layer.tar")


def _needed() -> dict[str, importlib.metadata.Distribution]:
    """The distributions that the server needs, and those that they need."""
    found: dict[str, importlib.metadata.Distribution] = {}
    names = list(SERVER_NEEDS)
    while names:
        name = re.sub(r"[-_.]+", "-", names.pop()).lower()
        if name in found or name in NOT_SERVED_DISTRIBUTIONS:
            continue
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # one of TensorFlow's two names, or what stands in for a dependency
        needs = [Requirement(each) for each in found[name].requires or ()]
        names += [each.name for each in needs if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


def _files(distributions: Iterable[importlib.metadata.Distribution]) -> Iterator[tuple[str, Path]]:
    for distribution in distributions:
        for file in distribution.files or ():
            path = Path(str(distribution.locate_file(file)))
            if not NOT_SERVED.search(str(file)) and path.is_file():
                yield f"{DIST_PACKAGES}/{file}", path


def _ours() -> Layer:
    files = sorted(path for path in (ROOT / "jenkins_ml").rglob("*") if path.is_file() and path.suffix != ".pyc")
    named = [(f"{DIST_PACKAGES}/{path.relative_to(ROOT)}", path) for path in files]
    made_of = cache.key(*(each for name, path in named for each in (name, path.read_bytes())))

    def make(folder: Path) -> None:
        _write(folder / "layer.tar", named)

    return Layer.of(cache.kept("ours", made_of, make) / "layer.tar")


def _write(archive: Path, named: list[tuple[str, Path]]) -> None:
    """Files as root's, readable for everybody, each after its folders: engines make missing ones for root alone."""
    folders: set[PurePosixPath] = set()
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, path in named:
            for parent in reversed(PurePosixPath(name).parents[:-1]):
                if parent not in folders:
                    folders.add(parent)
                    info = tarfile.TarInfo(str(parent))
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
                    tar.addfile(info)
            info = tar.gettarinfo(path, name)
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            info.mode = 0o755 if info.mode & 0o100 else 0o644
            with path.open("rb") as file:
                tar.addfile(info, file)
