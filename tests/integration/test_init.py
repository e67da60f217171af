"""`jenkins-ml init` beside code as people have it, and the commands that must start quickly."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jenkins_ml.adapters import repository
from jenkins_ml.config.loader import load
from jenkins_ml.errors import ConfigurationError, UsageError
from jenkins_ml.resources import examples, folder
from jenkins_ml.steps import init as module
from jenkins_ml.steps.generate import command as generate
from jenkins_ml.steps.init import _name, _scalar, _text, command

TRAIN = "import keras\nmodel = keras.Sequential()\nmodel.save('model.h5')\n"
DATA = "def load(split):\n    return [], []\n"


def init(*arguments: str | Path):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], standalone_mode=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = tmp_path / "My Model!"
    project.mkdir()
    (project / "train.py").write_text(TRAIN)
    (project / "data.py").write_text(DATA)
    return project


def git(directory: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=directory, check=True, capture_output=True, timeout=30)


def test_everything_that_is_there_is_found_and_the_result_is_valid(project: Path):
    (project / "tests").mkdir()
    (project / "tests" / "test_model.py").touch()
    git(project, "init", "--initial-branch", "trunk")
    result = init(project)
    assert result.exception is None, result.output
    config = load(project)
    assert config.model == "my-model"
    assert config.data.load == "data:load"
    assert config.test is not None
    assert config.test.command == "pytest -q"
    assert (config.train.command, config.train.output) == ("python train.py", "model.h5")
    assert config.serve.release_branch == "trunk"
    for said in ("train.py, which writes model.h5", "data:load", "pytest -q", "trunk", "jenkins-ml run"):
        assert said in result.stdout
    assert "still needed" not in result.stdout


def test_main_needs_no_line(project: Path):
    git(project, "init", "--initial-branch", "main")
    init(project)
    assert "serve" not in (project / "jenkins-ml.yaml").read_text()


def test_code_is_read_and_never_run(project: Path):
    (project / "train.py").write_text(f"open('ran', 'w')\nraise SystemExit(9)\n{TRAIN}")
    assert init(project).exception is None
    assert not (project / "ran").exists()


@pytest.mark.parametrize(
    ("code", "output"),
    [
        ("model.save('out/model.keras')", "out/model.keras"),
        ("model.export('export')", "export"),
        ("def main():\n    net.model.save('m.h5')", "m.h5"),
        ("np.save('arrays', x)\nmodel.save('m.h5')", "m.h5"),
        ("figure.save('plot.png')\nmodel.save('m.h5')", "m.h5"),
        ("model.save(path)", None),
        ("np.save('arrays', x)", None),
        ("print('model.save(\"m.h5\")')", None),
    ],
)
def test_what_a_script_writes(project: Path, code, output):
    (project / "train.py").write_text(code + "\n")
    result = init(project)
    assert result.exception is None
    if output:
        assert load(project).train.output == output
    else:
        assert "still needed" in result.stdout
        assert "train.output" in result.stdout


@pytest.mark.parametrize(
    ("files", "loader"),
    [
        ({"data.py": DATA, "a.py": DATA}, "data:load"),
        ({"a.py": DATA, "my_data.py": DATA}, "my_data:load"),
        ({"a.py": DATA}, "a:load"),
        ({"data.py": "def load(split, seed=1): ..."}, "data:load"),
        ({"data.py": "def load(): ..."}, None),
        ({"data.py": "def load(split, path): ..."}, None),
        ({"data.py": "class A:\n    def load(self): ..."}, None),
        ({"test_data.py": DATA}, None),
    ],
)
def test_which_loader_is_taken(project: Path, files, loader):
    (project / "data.py").unlink()
    for name, code in files.items():
        (project / name).write_text(code + "\n")
    result = init(project)
    if loader:
        assert load(project).data.load == loader
    else:
        assert "still needed" in result.stdout
        with pytest.raises(ConfigurationError, match=r"data\.load"):
            load(project)


def test_what_is_missing_is_said_in_the_file_and_on_the_screen(tmp_path: Path):
    (tmp_path / "notes.txt").touch()
    result = init(tmp_path)
    assert result.exception is None
    assert result.stdout.count("still needed") == 2
    assert (tmp_path / "jenkins-ml.yaml").read_text().count("# needed: ") == 3
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path)
    lines = (tmp_path / "jenkins-ml.yaml").read_text().splitlines()
    assert {lines[problem.line - 1].split(":")[0].strip() for problem in caught.value.problems} == {"load", "train"}


def test_what_is_no_python_is_left_out_and_said(project: Path):
    (project / "old.py").write_text("print 'Python 2'\n")
    result = init(project)
    assert "left out old.py" in result.stdout
    assert load(project).data.load == "data:load"


def test_only_the_local_store_and_the_reports_are_ignored(project: Path):
    (project / ".gitignore").write_text("*.pyc\n.jenkins-ml/reports/")
    init(project)
    assert (project / ".gitignore").read_text() == "*.pyc\n.jenkins-ml/reports/\n.jenkins-ml/models/\n"


def test_a_configuration_is_never_overwritten(project: Path):
    (project / "jenkins-ml.yaml").write_text("mine")
    for arguments in ((project,), (project, "--example", "quickstart")):
        result = init(*arguments)
        assert isinstance(result.exception, UsageError)
        assert result.exception.exit_code == 2
    assert (project / "jenkins-ml.yaml").read_text() == "mine"
    assert sorted(path.name for path in project.iterdir()) == ["data.py", "jenkins-ml.yaml", "train.py"]


@pytest.mark.parametrize("name", ["", "new"])
def test_an_empty_folder_is_pointed_to_the_examples(tmp_path: Path, name):
    git(tmp_path, "init")
    result = init(tmp_path / name)
    assert isinstance(result.exception, UsageError)
    assert "--example" in result.exception.next_step
    assert "quickstart" in result.exception.next_step
    assert [path.name for path in tmp_path.iterdir()] == [".git"]


@pytest.mark.parametrize("example", examples())
def test_an_example_is_copied_whole_and_valid(tmp_path: Path, example):
    result = init(tmp_path / "copy", "--example", example)
    assert result.exception is None, result.output
    load(tmp_path / "copy")
    for path in folder("examples").joinpath(example).iterdir():
        if path.is_file() and path.suffix not in (".h5", ".keras") and path.name != "Jenkinsfile":
            assert (tmp_path / "copy" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("example", examples())
@pytest.mark.parametrize("place", ["", "models/mine"])
def test_what_is_generated_is_right_for_the_place_of_the_copy(tmp_path: Path, monkeypatch, example, place):
    git(tmp_path, "init")
    assert init(tmp_path / place, "--example", example).exception is None
    assert ("models/mine" in (tmp_path / place / "Jenkinsfile").read_text()) == bool(place)
    monkeypatch.chdir(tmp_path / place)
    checked = CliRunner().invoke(generate, ["--check", "--json"], standalone_mode=False)
    assert checked.exception is None
    assert {each["state"] for each in json.loads(checked.stdout)["files"]} == {"current"}


@pytest.mark.parametrize("example", examples())
def test_everything_generated_can_be_committed(tmp_path: Path, example):
    git(tmp_path, "init")
    init(tmp_path, "--example", example)
    generated = [".jenkins-ml/base/Jenkinsfile", ".jenkins-ml/install.sh", "Jenkinsfile"]
    assert repository.ignored(tmp_path, generated) == []
    assert repository.ignored(tmp_path, [".jenkins-ml/models/x"]) == [".jenkins-ml/models/x"]


def test_what_init_ignores_leaves_out_nothing_generated(project: Path):
    git(project, "init")
    init(project)
    assert repository.ignored(project, [".jenkins-ml/base/Jenkinsfile", ".jenkins-ml/install.sh"]) == []


def test_leftovers_of_an_example_stay_behind(tmp_path: Path, monkeypatch):
    source = tmp_path / "examples" / "tried"
    shutil.copytree(folder("examples") / "quickstart", source)
    for name in ("model.h5", ".jenkins-ml/models/x", ".jenkins-ml/base/Jenkinsfile.rollback", "Jenkinsfile.rollback"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).touch()
    monkeypatch.setattr(module, "folder", lambda name: tmp_path / name)
    monkeypatch.setattr(module, "examples", lambda: ["tried"])
    assert init(tmp_path / "copy", "--example", "tried").exception is None
    copied = {path.relative_to(tmp_path / "copy").as_posix() for path in (tmp_path / "copy").rglob("*")}
    assert copied >= {"Jenkinsfile", ".jenkins-ml/base/Jenkinsfile", "train.py"}
    assert not copied & {"model.h5", ".jenkins-ml/models", "Jenkinsfile.rollback"}


def test_an_example_does_not_replace_a_jenkinsfile(tmp_path: Path):
    (tmp_path / "Jenkinsfile").write_text("mine")
    result = init(tmp_path, "--example", "quickstart")
    assert isinstance(result.exception, UsageError)
    assert "Jenkinsfile already" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["Jenkinsfile"]


def test_an_example_overwrites_nothing(project: Path):
    result = init(project, "--example", "quickstart")
    assert isinstance(result.exception, UsageError)
    assert "data.py, train.py already" in str(result.exception)
    assert not (project / "jenkins-ml.yaml").exists()


def test_an_unknown_example_gets_the_nearest(tmp_path: Path):
    result = init(tmp_path, "--example", "quikstart")
    assert isinstance(result.exception, UsageError)
    assert "quickstart" in result.exception.next_step


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=80),
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
)
def test_any_name_and_any_text_give_a_valid_file(tmp_path: Path, name, text):
    from jenkins_ml.config.loader import loads
    from jenkins_ml.steps.discovery import Found

    found = Found(script="train.py", output=text, loader="data:load", tests=True, unreadable=())
    config = loads(_text(_name(tmp_path / name.strip(".")), found, text))
    assert config.train.output == text
    assert config.serve.release_branch == text


@pytest.mark.parametrize("word", ["yes", "No", "null", "true", "7", "1e5", "a: b", "a #b", "- a", "2020-01-01"])
def test_words_that_yaml_reads_otherwise_are_quoted(word):
    assert _scalar(word) == f'"{word}"'


@pytest.mark.parametrize("arguments", [("validate",), ("generate", "--check")])
def test_quick_commands_import_nothing_heavy(tmp_path: Path, arguments):
    assert init(tmp_path, "--example", "quickstart").exception is None
    heavy = {"numpy", "tensorflow", "keras", "rich", "pyarrow", "grpc", "starlette", "uvicorn", "prometheus_client"}
    script = (
        "import sys\n"
        "from jenkins_ml.cli import command\n"
        f"command.main({list(arguments)!r}, standalone_mode=False)\n"
        f"print(sorted({heavy!r} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
