"""Laws of generating again over what people edited, with git's own merge and real files."""

import contextlib
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jenkins_ml.adapters import generated
from jenkins_ml.adapters.merge import conflicts, merge
from jenkins_ml.rendering.plan import Found, plan

NAME = "Jenkinsfile"
HEAD = "// Made by jenkins-ml\n"
# Lines that look alike are what a merge stumbles over.
LINES = st.lists(st.sampled_from(["a", "b", "}", ""]), max_size=14)


def by_git(edited, base, new):
    return merge(NAME, edited, base, new)


def joined(lines):
    return HEAD + "".join(f"{line}\n" for line in lines)


@st.composite
def changed(draw, lines, word):
    """The lines with some left out, and with some that nobody else has."""
    result = []
    for number, line in enumerate([*lines, None]):
        if draw(st.integers(0, 5)) == 0:
            result.append(f"{word} {number}")
        if line is not None and draw(st.integers(0, 5)):
            result.append(line)
    return result


@st.composite
def three(draw):
    """What was generated, what somebody made of it, and what is generated now."""
    base = draw(LINES)
    edited, new = draw(changed(base, "mine")), draw(changed(base, "new"))
    end = draw(st.sampled_from(["", "last line without an end"]))
    return joined(base), joined(edited) + end, joined(new)


@given(three())
def test_what_nobody_edited_becomes_what_is_generated(texts):
    base, _, new = texts
    assert plan(NAME, Found(base, base), new, by_git).text == new
    assert by_git(base, base, new).text == new


@given(three())
def test_where_nothing_new_is_generated_the_edits_stay(texts):
    base, edited, _ = texts
    assert plan(NAME, Found(edited, base), base, by_git).text == edited
    assert by_git(edited, base, base).text == edited


@given(three())
def test_nothing_that_somebody_wrote_gets_lost(texts):
    base, edited, new = texts
    outcome = plan(NAME, Found(edited, base), new, by_git)
    seen = outcome.text
    if outcome.refused:
        assert outcome.text == edited
        shown = [text for _, text in conflicts(outcome.merged)]
        assert len(shown) == outcome.merged.conflicts > 0
        around = re.sub(r"(?ms)^<<<<<<< .*?^>>>>>>> [^\n]*$", "", outcome.merged.text)
        seen = "\n".join([around, *shown])
    assert not set(edited.splitlines()) - set(base.splitlines()) - set(seen.splitlines())


@given(three())
def test_marked_text_has_all_lines_of_both_sides_and_counts_as_unresolved(texts):
    base, edited, new = texts
    for known in (base, None):
        outcome = plan(NAME, Found(edited, known), new, by_git, mark=True)
        if outcome.state == "marked":
            lines = outcome.text.splitlines()
            assert not {line for line in edited.splitlines() if line.startswith("mine")} - set(lines)
            assert not {line for line in new.splitlines() if line.startswith("new")} - set(lines)
            assert plan(NAME, Found(outcome.text, new), new, by_git).state == "unresolved"


@given(st.data())
def test_edits_away_from_what_is_new_survive_and_so_does_what_is_new(data):
    """Every line differs here, so it is clear what was done where: the outcome must have exactly both."""
    count = data.draw(st.integers(4, 30))
    lines = [f"line {number}" for number in range(count)]
    mine = data.draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=4))
    new = data.draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=4))
    assume(all(abs(left - right) > 1 for left in mine for right in new))
    kinds = {number: data.draw(st.sampled_from(["change", "remove", "add"])) for number in sorted(mine | new)}

    def apply(numbers, word):
        result = []
        for number, line in enumerate(lines):
            kind = kinds[number] if number in numbers else None
            result += {None: [line], "change": [word(number)], "remove": [], "add": [line, word(number)]}[kind]
        return joined(result)

    def word(number):
        return f"mine {number}" if number in mine else f"new {number}"

    outcome = plan(NAME, Found(apply(mine, word), joined(lines)), apply(new, word), by_git)
    assert outcome.state == "merged"
    assert outcome.text == apply(mine | new, word)


def lay(folder: Path, base: str, edited: str, line_end: str) -> None:
    (folder / generated.BASES).mkdir(parents=True)
    (folder / generated.BASES / NAME).write_text(base, newline=line_end)
    (folder / NAME).write_text(edited, newline=line_end)


def generate(folder: Path, new: str):
    planned = plan(NAME, generated.read(folder, [NAME])[NAME], new, by_git)
    if not planned.refused:
        generated.write(folder, [planned])
    return planned


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob(f"*{NAME}") if path.is_file()}


@given(three(), st.sampled_from(["\n", "\r\n"]))
def test_generating_twice_is_generating_once(texts, line_end):
    base, edited, new = texts
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        lay(folder, base, edited, line_end)
        first = generate(folder, new)
        once = content(folder)
        again = generate(folder, new)
        assert not again.writes
        assert again.refused == first.refused
        assert content(folder) == once
        assert set(once) == {NAME, f"{generated.BASES}/{NAME}"}


@given(three(), three(), st.integers(0, 3))
def test_an_interruption_changes_nothing_in_the_end(texts, later, operations):
    """Also when what is generated has changed again before the next run."""
    base, edited, new = texts
    newest = later[2]
    with tempfile.TemporaryDirectory() as made:
        straight, interrupted = Path(made) / "straight", Path(made) / "interrupted"
        lay(straight, base, edited, "\n")
        shutil.copytree(straight, interrupted)
        assume(not generate(straight, new).refused)
        with pytest.MonkeyPatch.context() as patch:
            stop_after(patch, operations)
            with contextlib.suppress(KeyboardInterrupt):
                generate(interrupted, new)
        left, merged = (interrupted / NAME).read_text(), (straight / NAME).read_text()
        assert left in (edited, merged)
        if left == merged != edited:
            generate(straight, newest)
            generate(interrupted, newest)
        else:
            generate(interrupted, new)
        assert known(interrupted) == known(straight)


def known(folder: Path) -> tuple[str | None, str | None]:
    """The file and its base; where the last run was refused, the base may still stand in what the one before left."""
    found = generated.read(folder, [NAME])[NAME]
    return found.present, found.base


def stop_after(patch: pytest.MonkeyPatch, operations: int) -> None:
    """Ctrl-C comes before write number `operations` + 1."""
    real, left = generated.write_atomic, [operations]

    def write_atomic(*arguments) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        real(*arguments)

    patch.setattr(generated, "write_atomic", write_atomic)
