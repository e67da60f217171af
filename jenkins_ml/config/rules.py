"""Rules between sections of jenkins-ml.yaml; each problem has its own place."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from jenkins_ml.config.jenkins import axis_text
from jenkins_ml.config.overrides import unknown, value_like
from jenkins_ml.config.section import Path_
from jenkins_ml.config.variables import alike

if TYPE_CHECKING:
    from jenkins_ml.config.model import Config
    from jenkins_ml.config.serve import Serve

_Problems = Iterator[tuple[Path_, str]]


def problems(config: Config) -> _Problems:
    """What is wrong between sections that are right by themselves: path and message."""
    yield from _training_keys(config)
    yield from _axes(config)
    yield from _parameters(config)
    yield from _environments(config.serve)
    yield from _shadows(config.serve)
    if config.serve.of(config.serve.environment).target == "local":
        yield from _agent_of_serve(config)
    if config.test is None:
        yield from _test_stage(config)


def _training_keys(config: Config) -> _Problems:
    """What a matrix and parameters set: keys of train.params, and no two of them the same."""
    keys: list[tuple[str, str, Path_]] = []
    if config.jenkins.matrix is not None:
        keys += [
            (name, "jenkins.matrix.axes", ("jenkins", "matrix", "axes", name)) for name in config.jenkins.matrix.axes
        ]
    for index, parameter in enumerate(config.jenkins.parameters):
        if parameter.sets is not None:
            keys.append((parameter.sets, "jenkins.parameters", ("jenkins", "parameters", index, "sets")))
    yield from ((path, unknown(key, config.train.params)) for key, _, path in keys if key not in config.train.params)
    yield from alike(keys)


def _axes(config: Config) -> _Problems:
    """Values of axes are of the type of what they replace, and differ as such."""
    if config.jenkins.matrix is None:
        return
    for name, values in config.jenkins.matrix.axes.items():
        if name not in config.train.params:
            continue
        read = []
        for index, value in enumerate(values):
            path: Path_ = ("jenkins", "matrix", "axes", name, index)
            try:
                read.append(value_like(axis_text(value), config.train.params[name]))
            except ValueError as error:
                yield path, f"{error}, as train.params.{name} is"
                continue
            if read[-1] in read[:-1]:
                yield path, f"an axis needs values that differ, read as train.params.{name} is"


def _parameters(config: Config) -> _Problems:
    """What a parameter is when nobody chooses, and what it offers, is of the type of what it sets."""
    for index, parameter in enumerate(config.jenkins.parameters):
        if parameter.sets is None or parameter.sets not in config.train.params:
            continue
        place: Path_ = ("jenkins", "parameters", index)
        if parameter.choice is not None:
            texts = [((*place, "choices", number), text) for number, text in enumerate(parameter.choices)]
        elif parameter.default is None and parameter.boolean is not None:
            texts = [((*place, "boolean"), parameter.initial)]
        else:
            texts = [((*place, "default"), parameter.initial)]
        for path, text in texts:
            try:
                if text:  # empty leaves what is configured
                    value_like(text, config.train.params[parameter.sets])
            except ValueError as error:
                yield path, f"{error}, as train.params.{parameter.sets} is"


def _environments(serve: Serve) -> _Problems:
    """An environment comes after another one that there is, and never, over however many, after itself."""
    known = {serve.environment, *serve.environments}
    after = {name: own.after for name, own in serve.environments.items() if own.after is not None}
    told: set[str] = set()
    for name, before in after.items():
        path: Path_ = ("serve", "environments", name, "after")
        if before not in known:
            near = difflib.get_close_matches(before, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"
            yield path, f"there is no environment {before!r}: {hint}"
        way = [name]
        while (step := after.get(way[-1])) is not None and step not in way:
            way.append(step)
        if step == name and name not in told:
            told.update(way)
            yield path, f"nothing could ever be released: {' after '.join([*way, name])}"


def _shadows(serve: Serve) -> _Problems:
    """On Kubernetes users' requests go to the pods, and only our server gives a sample of them."""
    if serve.server.kind == "jenkins-ml":
        return
    for name in dict.fromkeys((serve.environment, *serve.environments)):
        own, here = serve.environments.get(name), serve.of(name)
        if here.target == "kubernetes" and here.canary.shadow:
            given = own is not None and own.canary is not None
            path: Path_ = ("serve", "environments", name) if given else ("serve",)
            yield (
                (*path, "canary", "shadow"),
                f"users' requests in {name} cannot be sampled: TensorFlow Serving on Kubernetes gives none; "
                "`serve.server.kind: jenkins-ml` does",
            )


def _agent_of_serve(config: Config) -> _Problems:
    """The local server outlives the build, so it cannot live in a container that does not."""
    path: Path_ = ("jenkins", "agents", "serve") if "serve" in config.jenkins.agents else ("jenkins", "agent")
    agent = config.jenkins.agent_of("serve")
    for kind in ("docker", "kubernetes"):
        if getattr(agent, kind) is not None:
            yield (
                (*path, kind),
                "`serve.target: local` leaves a server running, which would end with this container: "
                "name one agent in `jenkins.agents.serve.node`",
            )


def _test_stage(config: Config) -> _Problems:
    """What speaks of the stage `test` needs one."""
    message = "there is no stage `test`: add a section `test` with its command"
    if "test" in config.jenkins.agents:
        yield ("jenkins", "agents", "test"), message
    if config.jenkins.test_beside_train:
        yield ("jenkins", "test_beside_train"), message
    for name, credential in config.jenkins.credentials.items():
        if "test" in credential.stages:
            yield ("jenkins", "credentials", name, "stages", credential.stages.index("test")), message
