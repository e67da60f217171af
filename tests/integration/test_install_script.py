"""install.sh as an agent runs it: real environments, real pip and git, a small wheel, and no index but local files."""

import base64
import fcntl
import hashlib
import http.server
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "resources/jenkins_ml/install.sh"
DAY = 86_400
# What the script runs beside Python.
TOOLS = [
    "sh",
    "awk",
    "basename",
    "cat",
    "chmod",
    "cp",
    "find",
    "git",
    "grep",
    "mkdir",
    "mv",
    "rm",
    "sed",
    "touch",
    "tr",
    "uname",
]
PROGRAM = """\
import shutil, sys
def main():
    print("small jenkins-ml", *sys.argv[1:], sep="|")
    print("python", shutil.which("python"), sep="|")
    try:
        import helper
        print("helper|" + helper.NAME)
    except ImportError:
        pass
"""


def write_wheel(path, modules, metadata=(), scripts=""):
    """A wheel, written by hand: the format is a zip."""
    name, version = path.name.split("-")[:2]
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        for module, text in modules.items():
            wheel.writestr(module, text)
        wheel.writestr(
            f"{info}/METADATA",
            "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata, ""]),
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/entry_points.txt", scripts)
        wheel.writestr(f"{info}/RECORD", "")
    return path


def write_program(folder):
    return write_wheel(
        folder / "jenkins_ml-0.0.1-py3-none-any.whl",
        {"small_jenkins_ml.py": PROGRAM},
        ["Provides-Extra: tensorflow", "Provides-Extra: server", "Requires-Dist: helper; extra == 'server'"],
        "[console_scripts]\njenkins-ml = small_jenkins_ml:main\n",
    )


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Agent:
    """A machine for one test: its folders, its PATH, and what is set on it."""

    def __init__(self, root):
        self.root = root
        self.bin = root / "bin"
        self.workspace = root / 'work space\'s "own"'
        self.index = root / "index"
        self.cache = root / "the cache"
        for folder in (self.bin, self.workspace, self.index):
            folder.mkdir(parents=True)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        self.set_python(sys._base_executable)
        write_wheel(self.index / "helper-1.0-py3-none-any.whl", {"helper.py": "NAME = 'right'\n"})
        self.settings = {}

    def set_python(self, target):
        (self.bin / "python3").unlink(missing_ok=True)
        (self.bin / "python3").symlink_to(target)

    @property
    def environment(self):
        fixed = {
            "PATH": str(self.bin),
            "HOME": str(self.root),
            "JENKINS_ML_CACHE": str(self.cache),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.index),
            "PIP_RETRIES": "0",
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        return fixed | {f"JENKINS_ML_{name}": str(value) for name, value in self.settings.items()}

    def use_wheel(self, wheel, digest=None, requirements=None):
        self.settings |= {"INSTALL_WHEEL": wheel, "INSTALL_SHA256": digest or sha256(wheel)}
        if requirements:
            self.settings["INSTALL_REQUIREMENTS"] = requirements

    def start(self, script=SCRIPT):
        return subprocess.Popen(
            ["sh", str(script)],
            cwd=self.workspace,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def install(self, script=SCRIPT):
        """Exit code and what was said."""
        process = self.start(script)
        out, err = process.communicate(timeout=120)
        assert out == ""
        return process.returncode, err

    def call(self, *arguments):
        done = subprocess.run(
            [".jenkins-ml/bin/jenkins-ml", *arguments],
            cwd=self.workspace,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.splitlines()

    def made(self):
        """The environments that are there and complete."""
        return sorted(path.parent for path in self.cache.glob("environments/*/jenkins-ml.complete"))


@pytest.fixture
def agent(tmp_path):
    return Agent(tmp_path)


class Index(http.server.BaseHTTPRequestHandler):
    """Serves one file to whoever knows the password."""

    file: Path
    asked: list[str]

    def do_GET(self):
        self.asked.append(self.path)
        given = self.headers.get("Authorization", "")
        if given != "Basic " + base64.b64encode(b"ml:p@ss/word").decode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="wheels"')
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.file.read_bytes())

    def log_message(self, *arguments):
        pass


@pytest.fixture
def web(tmp_path):
    """An address with a user, a password and a query, and the list of what was asked there."""
    handler = type("Handler", (Index,), {"file": write_program(tmp_path), "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://ml:p%40ss%2Fword@127.0.0.1:{server.server_port}/{handler.file.name}?key=qu3ry", handler
        server.shutdown()
        thread.join()


def test_a_wheel_with_requirements_once_and_then_from_the_cache(agent, web):
    address, index = web
    name = "all the stages' needs.txt"
    helper = agent.index / "helper-1.0-py3-none-any.whl"
    (agent.workspace / name).write_text(f"helper==1.0 --hash=sha256:{sha256(helper)}\n")
    agent.use_wheel(address, sha256(index.file), name)
    code, said = agent.install()
    assert code == 0, said
    [environment] = agent.made()
    assert agent.call("gate", "it's $HOME; `id`") == [
        "small jenkins-ml|gate|it's $HOME; `id`",
        f"python|{environment}/bin/python",
        "helper|right",
    ]
    assert not (environment / "jenkins-ml.fetched").exists()
    # What must not be seen is not, neither by people nor in what is left.
    assert "p%40ss" not in said
    assert "p@ss" not in said
    assert "qu3ry" not in said
    left = [path for path in agent.root.rglob("*") if path.is_file() and path.stat().st_size < 100_000]
    assert not [path for path in left if b"p%40ss" in path.read_bytes()]

    # A second run fetches nothing, and says nothing.
    asked = len(index.asked)
    shutil.rmtree(agent.workspace / ".jenkins-ml")
    os.utime(environment / "jenkins-ml.complete", (time.time() - 20 * DAY,) * 2)
    assert agent.install() == (0, "")
    assert len(index.asked) == asked
    assert agent.call()[0] == "small jenkins-ml"
    assert (environment / "jenkins-ml.complete").stat().st_mtime > time.time() - DAY, "it was used just now"
    # git does not see what belongs to this machine.
    subprocess.run(["git", "init", "-q"], cwd=agent.workspace, check=True)
    seen = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], cwd=agent.workspace, capture_output=True, text=True, check=True
    )
    assert ".jenkins-ml" not in seen.stdout


def test_other_requirements_make_another_environment_and_old_ones_go(agent):
    agent.use_wheel(write_program(agent.root))
    agent.settings["INSTALL_EXTRAS"] = ""
    old = agent.cache / "environments"
    for name, days, files in [
        ("unused", 31, ["jenkins-ml.complete"]),
        ("recent", 29, ["jenkins-ml.complete"]),
        ("running", 31, ["jenkins-ml.complete"]),
        ("unfinished", 31, []),
    ]:
        (old / name).mkdir(parents=True)
        for path in [*(old / name / file for file in files), old / name]:
            path.touch()
            os.utime(path, (time.time() - days * DAY,) * 2)
    server = subprocess.Popen(["sh", "-c", "read line", str(old / "running/bin/server")], stdin=subprocess.PIPE)
    try:
        code, said = agent.install()
    finally:
        server.communicate(timeout=10)
    assert code == 0, said
    assert agent.call()[0] == "small jenkins-ml"
    assert len(agent.call()) == 2, "no extras, no helper"
    left = {path.name for path in old.iterdir() if path.is_dir()}
    assert left >= {"recent", "running"}
    assert not left & {"unused", "unfinished"}
    assert f"removing {old}/unused" in said

    agent.settings.pop("INSTALL_EXTRAS")
    assert agent.install()[0] == 0
    assert agent.call()[2] == "helper|right", "the extras tensorflow and server are the default"
    assert len({path.name for path in old.iterdir() if path.is_dir()} - left) == 1


def test_two_builds_at_once_make_it_once(agent):
    agent.use_wheel(write_program(agent.root))
    agent.settings["INSTALL_EXTRAS"] = ""
    builds = [agent.start(), agent.start()]
    said = [build.communicate(timeout=120)[1] for build in builds]
    assert [build.returncode for build in builds] == [0, 0], said
    assert sum("making an environment" in text for text in said) == 1
    assert sum("waiting" in text for text in said) == 1
    assert agent.call()[0] == "small jenkins-ml"


def test_what_a_dead_maker_left_is_made_again(agent):
    agent.use_wheel(write_program(agent.root))
    agent.settings["INSTALL_EXTRAS"] = ""
    build = agent.start()
    for line in build.stderr:
        if "installing" in line:
            break
    os.killpg(build.pid, signal.SIGKILL)
    build.communicate(timeout=10)
    [half] = [path for path in (agent.cache / "environments").iterdir() if path.is_dir()]
    (half / "left").touch()
    assert agent.made() == []
    code, said = agent.install()
    assert code == 0, said
    assert agent.made() == [half]
    assert not (half / "left").exists()
    assert agent.call()[0] == "small jenkins-ml"


def test_waiting_for_another_build_has_an_end(agent):
    agent.use_wheel(write_program(agent.root))
    text = SCRIPT.read_text()
    hasty = agent.root / "hasty.sh"
    hasty.write_text(text.replace("WAIT_SECONDS=1800", "WAIT_SECONDS=0"))
    assert hasty.read_text() != text
    agent.cache.mkdir()
    with (agent.cache / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code, said = agent.install(hasty)
    assert code == 6
    assert "held for too long" in said


BACKEND = """\
import zipfile
def build_wheel(folder, settings=None, metadata=None):
    name = "jenkins_ml-0.0.1-py3-none-any.whl"
    with zipfile.ZipFile(folder + "/" + name, "w") as wheel:
        wheel.write("small_jenkins_ml.py")
        info = "jenkins_ml-0.0.1.dist-info/"
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: jenkins_ml\\nVersion: 0.0.1\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "entry_points.txt", "[console_scripts]\\njenkins-ml = small_jenkins_ml:main\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""


@pytest.fixture
def repository(tmp_path):
    """A git repository with a branch, a tag v1 and a commit after it."""
    folder = tmp_path / "re'pository"
    folder.mkdir()

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
        return subprocess.run(
            ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    (folder / "backend.py").write_text(BACKEND)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (folder / "small_jenkins_ml.py").write_text(PROGRAM)
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    git("tag", "-am", "first", "v1")
    (folder / "small_jenkins_ml.py").write_text(PROGRAM.replace("small", "later"))
    git("commit", "-qam", "two")
    git("branch", "feedbee")
    return folder, git("rev-parse", "HEAD")


def test_a_tag_and_a_commit_of_a_git_repository(agent, repository):
    folder, commit = repository
    agent.settings |= {"INSTALL_GIT": folder, "INSTALL_TAG": "v1", "INSTALL_EXTRAS": ""}
    code, said = agent.install()
    assert code == 0, said
    assert agent.call()[0] == "small jenkins-ml"

    agent.settings |= {"INSTALL_TAG": commit[:12], "INSTALL_REQUIREMENTS": "requirements.txt"}
    (agent.workspace / "requirements.txt").write_text("# the build backend is in the repository\n")
    code, said = agent.install()
    assert code == 0, said
    assert f"is commit {commit}" in said
    assert agent.call()[0] == "later jenkins-ml"

    # From the cache, without the repository.
    shutil.rmtree(folder)
    assert agent.install() == (0, "")


@pytest.mark.parametrize("name", ["main", "feedbee", "v2", "0000000"])
def test_a_branch_is_not_pinned(agent, repository, name):
    agent.settings |= {"INSTALL_GIT": repository[0], "INSTALL_TAG": name}
    code, said = agent.install()
    assert code == 2
    assert f"has no tag or commit {name}" in said


def test_git_s_password_is_in_no_argument(agent, tmp_path):
    """git asks for it by the credential helper, which reads the environment."""
    seen = tmp_path / "arguments"
    real = shutil.which("git")
    (agent.bin / "git").unlink()
    (agent.bin / "git").write_text(f'#!/bin/sh\necho "$@" >>"{seen}"\nexec {real} "$@"\n')
    (agent.bin / "git").chmod(0o755)
    handler = type("Handler", (Index,), {"file": seen, "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"127.0.0.1:{server.server_port}/jenkins-ml.git"
        agent.settings |= {"INSTALL_GIT": f"http://ml:p%40ss%2Fword@{address}", "INSTALL_TAG": "v1"}
        code, said = agent.install()
        server.shutdown()
        thread.join()
    # The server let git in, and is none that git understands.
    assert code == 6
    assert f"could not fetch from http://****@{address}" in said
    assert len(handler.asked) == 2
    for text in (said, seen.read_text()):
        assert "ml:" not in text
        assert "p%40ss" not in text
        assert "p@ss" not in text


def test_another_wheel_than_the_one_that_was_meant_never_runs(agent, web):
    address, index = web
    for wheel in (index.file, address):
        agent.use_wheel(wheel, digest="0" * 64)
        code, said = agent.install()
        assert code == 7, said
        assert agent.made() == []
        assert "p%40ss" not in said


def test_another_package_than_the_one_that_was_meant(agent):
    (agent.workspace / "requirements.txt").write_text(f"helper==1.0 --hash=sha256:{'0' * 64}\n")
    agent.use_wheel(write_program(agent.root), requirements="requirements.txt")
    code, said = agent.install()
    assert code == 7, said
    assert agent.made() == []


@pytest.mark.parametrize(
    ("requirements", "expected"),
    [("helper==1.0\n", "cannot be installed as they are"), ("missing==1 --hash=sha256:00\n", "has not what is needed")],
)
def test_requirements_that_cannot_be_installed(agent, requirements, expected):
    (agent.workspace / "requirements.txt").write_text(requirements)
    agent.use_wheel(write_program(agent.root), requirements="requirements.txt")
    code, said = agent.install()
    assert code == 2
    assert expected in said


def test_requirements_that_lack_what_jenkins_ml_needs(agent):
    wheel = write_wheel(
        agent.root / "jenkins_ml-0.0.2-py3-none-any.whl",
        {"small_jenkins_ml.py": "import helper\n" + PROGRAM},
        scripts="[console_scripts]\njenkins-ml = small_jenkins_ml:main\n",
    )
    (agent.workspace / "requirements.txt").write_text("")
    agent.use_wheel(wheel, requirements="requirements.txt")
    code, said = agent.install()
    assert code == 2
    assert "No module named 'helper'" in said
    assert agent.made() == []


@pytest.mark.parametrize("kind", ["wheel", "git"])
def test_no_network(agent, kind):
    with http.server.HTTPServer(("127.0.0.1", 0), Index) as server:
        nobody = f"http://127.0.0.1:{server.server_port}"
    if kind == "wheel":
        agent.use_wheel(f"{nobody}/jenkins_ml-0.0.1-py3-none-any.whl", digest="0" * 64)
    else:
        agent.settings |= {"INSTALL_GIT": f"{nobody}/jenkins-ml.git", "INSTALL_TAG": "v1"}
    code, said = agent.install()
    assert code == 6, said
    assert "check the" in said


HEX = "0" * 64


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "neither JENKINS_ML_INSTALL_WHEEL nor"),
        ({"WHEEL": "a.whl", "GIT": "b"}, "both"),
        ({"WHEEL": "a.whl"}, "is not a SHA-256"),
        ({"WHEEL": "a.whl", "SHA256": "0" * 63}, "is not a SHA-256"),
        ({"WHEEL": "a.whl", "SHA256": "A" * 64}, "is not a SHA-256"),
        ({"WHEEL": "a.whl", "SHA256": HEX, "TAG": "v1"}, "belongs to"),
        ({"WHEEL": "a b.whl", "SHA256": HEX}, "no file a b.whl in"),
        ({"WHEEL": "a.tar.gz", "SHA256": HEX}, "is not a wheel"),
        (
            {"WHEEL": "https://u:s3cret@h/a.tar.gz?k=s3cret", "SHA256": HEX},
            "https://****@h/a.tar.gz?**** is not a wheel",
        ),
        ({"WHEEL": "https://h/${HOME}/a.whl", "SHA256": HEX}, "characters that an address cannot have"),
        ({"WHEEL": "https://h/a b.whl", "SHA256": HEX}, "characters that an address cannot have"),
        ({"GIT": "b"}, "is not a tag or commit"),
        ({"GIT": "b", "TAG": "--upload-pack=id"}, "is not a tag or commit"),
        ({"GIT": "b", "TAG": "v1", "SHA256": HEX}, "belongs to"),
        ({"GIT": "b", "TAG": "v1", "EXTRAS": "a]; b"}, "is not a list of names"),
        ({"GIT": "b", "TAG": "v1", "REQUIREMENTS": "no such.txt"}, "no file no such.txt in"),
        ({"GIT": "b", "TAG": "v1", "REQUIREMENTS": "nested.txt"}, "includes other files"),
    ],
)
def test_wrong_settings(agent, settings, expected):
    (agent.workspace / "nested.txt").write_text("-r other.txt\n")
    agent.settings = {f"INSTALL_{name}": value for name, value in settings.items()}
    code, said = agent.install()
    assert code == 2
    assert re.fullmatch(r"error: .*\n  next: .*\n", said), said
    assert expected in said
    assert "s3cret" not in said
    assert not agent.cache.exists()


@pytest.mark.parametrize("cache", ["relative", '/a"b', "/a'b", "/a:b", "/a\nb", "/dev/null"])
def test_a_cache_that_cannot_be(agent, cache):
    agent.settings |= {"INSTALL_GIT": "b", "INSTALL_TAG": "v1", "CACHE": cache}
    code, said = agent.install()
    assert code == 2
    assert "cache" in said or "/dev/null" in said


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        (None, "there is no Python"),
        ("exit 8", "Python 3.11, 3.12 or 3.13 is needed"),
        ("exit 9", "have no venv with ensurepip"),
    ],
)
def test_no_python_that_will_do(agent, python, expected):
    """The stand-ins answer what the script's question answers on an old Python, and on one without venv."""
    (agent.bin / "python3").unlink()
    if python:
        (agent.bin / "python3").write_text(f"#!/bin/sh\n{python}\n")
        (agent.bin / "python3").chmod(0o755)
    agent.settings |= {"INSTALL_GIT": "b", "INSTALL_TAG": "v1"}
    code, said = agent.install()
    assert code == 2
    assert expected in said
