"""One holder at a time, by growing numbers; who was taken over notices."""

import os
import subprocess
import sys

import pytest

from jenkins_ml.adapters import files, identity, release_lock
from jenkins_ml.adapters.held import HeldTarget
from jenkins_ml.adapters.journal import Journal
from jenkins_ml.adapters.release import Author
from jenkins_ml.adapters.release_lock import Place, TakenOver, held
from jenkins_ml.errors import Unavailable
from jenkins_ml.records import JournalEntry, LockHolder, VersionRef, encode
from tests.fakes.clock import FakeClock
from tests.fakes.target import FakeTarget
from tests.fakes.versions import servable

ELSEWHERE = "another-boot pid:[1] 7 1"
ONE = VersionRef(version=1, manifest_digest="d")


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal")


@pytest.fixture
def place(tmp_path):
    clock = FakeClock()
    return Place(
        file=tmp_path / "locks" / "production.lock",
        folder=tmp_path / "locks" / "production.holders",
        environment="production",
        clock=clock,
        sleep=clock.sleep,
    )


def take(place, journal, said=lambda _: None, holder="me"):
    return held(place, holder, journal, identity.this_process(), said)


def leave(place, number, process=ELSEWHERE, beat=b"7"):
    """What somebody has left who did not end as one should."""
    place.folder.mkdir(parents=True, exist_ok=True)
    record = LockHolder(number=number, holder="the other", host="h", pid=7, process=process, taken="then")
    (place.folder / f"{number:08d}.json").write_bytes(encode(record))
    if beat is not None:
        place.beat_file(number).write_bytes(beat)


def test_numbers_grow_and_the_next_one_waits_for_nobody(place, journal):
    for number in (1, 2, 3):
        with take(place, journal, pytest.fail) as fence:
            fence.check()
            assert fence.number == number


def test_two_on_one_machine_know_it_at_once(place, journal):
    with (
        take(place, journal, holder="process 1 (serve)"),
        pytest.raises(Unavailable, match=r"being changed by process 1 \(serve\)"),
        take(place, journal, pytest.fail),
    ):
        pytest.fail("two hold it")


def test_a_lock_file_of_the_version_before_is_respected_and_reused(place, journal):
    with files.lock(place.file, "an old one"), pytest.raises(Unavailable, match="an old one"), take(place, journal):
        pytest.fail("two hold it")
    with take(place, journal) as fence:
        assert fence.number == 1


@pytest.mark.parametrize("beat", [None, b"7"])
def test_one_that_is_silent_elsewhere_is_taken_over_after_the_whole_time(place, journal, beat):
    leave(place, 4, beat=beat)
    said = []
    with take(place, journal, said.append) as fence:
        assert fence.number == 5
    assert place.clock() - FakeClock().now >= release_lock.SECONDS
    assert said == ["waiting whether the other still lives, at most 15 s"]


def test_one_that_counts_elsewhere_is_left_alone_whatever_its_clock_says(place, journal):
    leave(place, 4)
    os.utime(place.beat_file(4), (0, 0))

    def count(seconds):
        place.clock.sleep(seconds)
        place.beat_file(4).write_bytes(b"8")

    waiting = Place(**{**vars(place), "sleep": count})
    with pytest.raises(Unavailable, match="being changed by the other"), take(waiting, journal):
        pytest.fail("two hold it")
    assert place.clock() - FakeClock().now < release_lock.SECONDS
    assert place.latest() == 4


def test_one_that_ends_while_it_is_waited_for_is_followed_at_once(place, journal):
    leave(place, 4)
    waiting = Place(**{**vars(place), "sleep": lambda _: place.beat_file(4).write_bytes(b"released".ljust(20))})
    with take(waiting, journal) as fence:
        assert fence.number == 5
    assert place.clock() == FakeClock().now


def test_of_two_who_wait_one_gets_it(place, journal):
    leave(place, 4)

    def overtaken(seconds):
        place.clock.sleep(seconds)
        if place.latest() == 4:
            leave(place, 5)
        else:
            place.beat_file(5).write_bytes(b"%f" % place.clock())

    with pytest.raises(Unavailable, match="the other"), take(Place(**{**vars(place), "sleep": overtaken}), journal):
        pytest.fail("two hold it")
    assert place.latest() == 5


def test_a_dead_process_of_this_machine_is_followed_at_once(place, journal):
    print_it = "from jenkins_ml.adapters import identity; print(identity.this_process())"
    process = subprocess.run([sys.executable, "-c", print_it], check=True, capture_output=True, text=True)
    leave(place, 4, process=process.stdout.strip())
    with take(place, journal, pytest.fail) as fence:
        assert fence.number == 5


def test_only_a_process_that_is_surely_gone_is_dead():
    boot, namespace, number, started = identity.this_process().split()
    assert not identity.is_dead(f"{boot} {namespace} {number} {started}")
    assert identity.is_dead(f"{boot} {namespace} {number} {int(started) - 1}"), "the number was used again"
    assert not identity.is_dead(f"another {namespace} {number} 1")
    assert not identity.is_dead(f"{boot} pid:[1] {number} 1"), "a container of this machine"
    for unknown in ("", "a", f"{boot} {namespace} {number}", f"{boot} {namespace} x 1"):
        assert not identity.is_dead(unknown)


def test_a_child_that_nobody_has_waited_for_is_dead():
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    boot, namespace, *_ = identity.this_process().split()
    assert identity.is_dead(f"{boot} {namespace} {child.pid} 1")
    assert child.wait(30) == 0


class TestTakenOver:
    @pytest.fixture
    def fence(self, place, journal):
        with take(place, journal) as fence:
            leave(place, 2)
            yield fence

    def test_whoever_was_taken_over_is_told_by_whom(self, fence):
        with pytest.raises(TakenOver, match="production is not ours any more: the other took it over at then"):
            fence.check()

    def test_it_changes_nothing_on_the_target(self, fence):
        target = FakeTarget()
        mine = HeldTarget(target, fence)
        for change in (
            mine.start,
            lambda: mine.load(servable(2)),
            lambda: mine.unload(2),
            lambda: mine.route(1, 2, 5),
            mine.renew,
            lambda: mine.remember("key", "text"),
            mine.destroy,
        ):
            with pytest.raises(TakenOver):
                change()
        assert target.calls == []
        mine.serving()
        assert target.calls == [("serving",)]

    def test_it_writes_nothing_into_the_journal(self, fence, journal):
        author = Author(journal=journal, environment="production", run="r", by="me", fence=fence)
        with pytest.raises(TakenOver):
            author.write("release_started", ONE, None, "a canary")
        assert journal.entries() == ()


class TestJournalAsFence:
    """For who was not yet seen to be taken over when they asked."""

    def author(self, journal, fence, environment="production", run="r"):
        return Author(journal=journal, environment=environment, run=run, by="me", fence=fence)

    def entry(self, number, **given):
        fields = {"kind": "release_step", "environment": "production", "run": "other", **given}
        return JournalEntry(
            number=number, time="t", version=9, manifest_digest="d", previous=None, by="b", reason="x", **fields
        )

    def test_ones_own_entries_follow_each_other(self, place, journal):
        with take(place, journal) as fence:
            author = self.author(journal, fence)
            assert [author.write("release_step", ONE, None, "x").number for _ in range(3)] == [1, 2, 3]

    @pytest.mark.parametrize("before", [0, 1])
    def test_a_foreign_entry_in_between_is_refused(self, place, journal, before):
        with take(place, journal) as fence:
            author = self.author(journal, fence)
            for _ in range(before):
                author.write("release_started", ONE, None, "x")
            journal.append(self.entry)
            with pytest.raises(Unavailable, match=r"run other wrote entry \d \(release_step of version 9\)"):
                author.write("release_step", ONE, None, "x")
        assert len(journal.entries()) == before + 1

    def test_decisions_and_other_environments_are_no_matter(self, place, journal):
        with take(place, journal) as fence:
            journal.append(lambda number: self.entry(number, kind="decision"))
            journal.append(lambda number: self.entry(number, environment="staging"))
            assert self.author(journal, fence).write("release_started", ONE, None, "x").number == 3

    def test_what_was_there_before_is_known(self, place, journal):
        journal.append(self.entry)
        with take(place, journal) as fence:
            assert self.author(journal, fence).write("release_started", ONE, None, "x").number == 2

    def test_one_that_comes_between_looking_and_writing_is_seen(self, place, journal, monkeypatch):
        with take(place, journal) as fence:
            author = self.author(journal, fence)
            create, late = files.create_once, []

            def overtaken(path, data):
                if not late:
                    late.append(path)
                    create(path, encode(self.entry(1)))
                return create(path, data)

            monkeypatch.setattr(files, "create_once", overtaken)
            with pytest.raises(Unavailable, match="run other wrote entry 1"):
                author.write("release_started", ONE, None, "x")
        assert [entry.run for entry in journal.entries()] == ["other"]


def test_old_numbers_are_removed_and_never_used_again(place, journal):
    for _ in range(14):
        with take(place, journal):
            pass
    assert sorted(path.name for path in place.folder.glob("*.json")) == [f"{n:08d}.json" for n in range(4, 15)]
    assert len([*place.folder.iterdir()]) == 22
    with take(place, journal) as fence:
        assert fence.number == 15


def test_a_release_ends_when_it_is_taken_over_and_leaves_traffic_to_the_other(place, journal):
    from tests.unit.adapters.test_release import CANARY, run

    class Slow(FakeTarget):
        def renew(self):
            super().renew()
            if place.latest() == 1:
                leave(place, 2)

    target = Slow()
    with take(place, journal) as fence, pytest.raises(TakenOver):
        run(
            CANARY,
            HeldTarget(target, fence),
            Author(journal=journal, environment="production", run="r", by="me", fence=fence),
        )
    assert target.changes == [("load", 2), ("route", 1, 2, 50)]
    assert [entry.kind for entry in journal.entries()] == ["release_started", "release_step"]
