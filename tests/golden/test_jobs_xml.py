"""What every key of jobs.yaml becomes in config.xml lies beside it, and is what is rendered today."""

from click.testing import CliRunner

from jenkins_ml.config import jobs, jobs_file
from jenkins_ml.steps.jobs.render import command
from tests.fakes.repository import ROOT

FOLDER = ROOT / "tests/golden/jobs"
EXAMPLE = ROOT / "examples/jobs"


def tree(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.xml")}


def rendered(file, folder):
    done = CliRunner().invoke(command, ["-f", str(file), "-o", str(folder)])
    assert done.exit_code == 0, done.output
    return tree(folder)


def test_what_is_rendered_is_what_lies_there(tmp_path):
    # After a change that is meant: make generated.
    assert rendered(FOLDER / "jobs.yaml", tmp_path) == tree(FOLDER / "rendered")


def test_the_example_renders(tmp_path):
    assert len(rendered(EXAMPLE / "jobs.yaml", tmp_path)) == 11


def test_every_key_stands_in_the_golden_file():
    """A key that nobody renders is a key that nobody has seen work."""
    found = jobs_file.load(FOLDER / "jobs.yaml")
    said = {}
    for item in found.values():
        collect(item, said)
    for cls in (
        *jobs.TYPES.values(),
        jobs.Source,
        jobs.GitSource,
        jobs.Retention,
        jobs.Orphans,
        jobs.Webhook,
        jobs.Upstream,
    ):
        missing = set(cls.model_fields) - said[cls] - {"checkout", "inline_file"}  # they name files of the reader's own
        assert not missing, f"{cls.__name__}: {missing}"


def collect(section, said):
    said.setdefault(type(section), set()).update(section.model_fields_set)
    for name in section.model_fields_set:
        value = getattr(section, name)
        for part in value if isinstance(value, tuple) else [value]:
            if hasattr(part, "model_fields_set"):
                collect(part, said)
