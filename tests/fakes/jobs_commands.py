"""The jobs commands on a fake server, as somebody at a shell has them; whatever they leave is searched for secrets."""

import json
import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from jenkins_ml.errors import JenkinsMLError
from jenkins_ml.steps.jobs import command
from tests.fakes.jenkins_jobs import VARIABLES
from tests.fakes.jobs_files import yaml


class Ended:
    """How a command ended."""

    def __init__(self, code, out, err, error=None):
        self.code, self.out, self.err, self.error = code, out, err, error

    def __repr__(self):
        return f"{self.code}: {self.error}\n{self.out}\n{self.err}"

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def outcomes(self):
        """Of apply and destroy: name -> what became of it."""
        return {each["name"]: each["outcome"] for each in self.json["results"]}

    @property
    def reasons(self):
        return {each["name"]: each["reason"] for each in self.json["results"]}

    @property
    def deeds(self):
        """Of plan: name -> what would be done, without what stays."""
        return {each["name"]: each["action"] for each in self.json["actions"] if each["action"] != "nothing"}

    def changes(self, name):
        """Of plan: setting -> before and after."""
        [action] = [each for each in self.json["actions"] if each["name"] == name]
        return {each["setting"]: (each["before"], each["after"]) for each in action["changes"]}

    def note(self, name):
        return next(each["note"] for each in self.json["actions"] if each["name"] == name)


class Desk:
    """Where somebody works with a jobs.yaml.

    Args:
        fake: the server.
        folder: for files.
        owner: of the jobs.
        user: of the server; None is its administrator.
    """

    def __init__(self, fake, folder: Path, owner="acme/models", user=None):
        self.fake, self.folder, self.owner, self.user = fake, folder, owner, user or fake.admin
        self.file = folder / "jobs.yaml"
        self.said = []  # everything that commands have left
        self.secrets = set()
        folder.mkdir(exist_ok=True)

    def write(self, *jobs, **more):
        """jobs.yaml; a job is its value, or its name for a small pipeline."""
        values = [small(each) if isinstance(each, str) else each for each in jobs]
        self.file.write_text(yaml({"owner": self.owner, **more, "jobs": values}))

    @property
    def environment(self):
        return {"JENKINS_URL": self.fake.url, "JENKINS_USER": self.user.name, "JENKINS_TOKEN": self.user.token}

    def run(self, *arguments):
        """A command, in this process."""
        saved = arguments[0] == "apply" and any(str(each).endswith(".plan") for each in arguments)
        if "-f" not in arguments and not saved:
            arguments = (*arguments, "-f", self.file)
        variables = dict.fromkeys(VARIABLES) | self.environment
        result = CliRunner().invoke(command, list(map(str, arguments)), env=variables)
        error = result.exception
        # What no class of ours explains is a defect, also of a test.
        if error is not None and not isinstance(error, JenkinsMLError | SystemExit):
            raise error
        self.said += [result.stdout, result.stderr, str(error)]
        return Ended(getattr(error, "exit_code", result.exit_code), result.stdout, result.stderr, error)

    def plan(self, *arguments):
        return self.run("plan", "--json", *arguments)

    def apply(self, *arguments):
        return self.run("apply", "--yes", "--json", *arguments)

    def destroy(self, *arguments):
        return self.run("destroy", "--yes", "--json", *arguments)

    def applied(self, *arguments):
        """The same, and it ends well, and a plan has nothing more to do, also when the server has saved everything."""
        ended = self.apply(*arguments)
        assert ended.code == 0, ended
        self.settled()
        for each in list(self.fake.root.walk()):
            each.save()
        self.settled()
        return ended

    def settled(self):
        planned = self.plan("--check")
        assert planned.deeds == {}, planned
        assert planned.code == 0, planned

    def start(self, *arguments, stdin=subprocess.DEVNULL, **more):
        """A command in a process of its own."""
        environment = {key: value for key, value in os.environ.items() if key not in VARIABLES}
        return subprocess.Popen(
            [sys.executable, "-m", "jenkins_ml.steps.jobs", *map(str, arguments), "-f", str(self.file)],
            env=environment | self.environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )

    def finish(self, process):
        try:
            out, err = process.communicate(timeout=60)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        self.said += [out, err]
        return Ended(process.returncode, out, err, err)

    def search(self):
        """No secret stands where others may read."""
        secrets = {each for user in self.fake.security.users.values() for each in (user.token, user.password)}
        files = [path.read_bytes().decode(errors="replace") for path in self.folder.iterdir() if path.is_file()]
        for text in [*self.said, *files, *(request.target for request in self.fake.requests)]:
            for secret in secrets | self.secrets:
                assert secret not in text, f"{secret} in {text}"


def small(name, script="echo 'x'", **more):
    """A small pipeline."""
    return {"name": name, "inline": script, **more}
