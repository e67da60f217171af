"""How often judges of canaries err, and how soon they find what is worse: ours beside the rules of other rollouts."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.figures import Result, Section, Table
from benchmarks.judges_bound import most_power
from benchmarks.judges_peers import PEERS
from benchmarks.judges_releases import (
    EQUAL,
    INTERVALS,
    LIMITS,
    RISING,
    STEPS,
    Case,
    Course,
    Outcome,
    courses,
    drawn,
    judged,
    requests_until_sure,
)
from jenkins_ml.core.judge import Evidence, Seen, Window, judge

_SHARES = {RISING: "5, 10 … 50 %", EQUAL: "50 %"}
_SEED = 1
_PEER_RELEASES = 500
_SILENT = 200

_GOOD = [Case(requests=n, errors=0.005, shares=shares) for shares in (RISING, EQUAL) for n in (20, 200, 2000)]
_TEN_TIMES = [Case(requests=20, errors=0.05, shares=shares) for shares in (RISING, EQUAL)]
_FOUR_TIMES = [Case(requests=200, errors=0.02, shares=shares) for shares in (RISING, EQUAL)]
# What decides a verdict is simulated five times as often.
_TARGETS = (
    *_GOOD,
    *_TEN_TIMES,
    *_FOUR_TIMES,
    *(
        Case(requests=n, errors=base, base=base, shares=shares)
        for shares in (RISING, EQUAL)
        for base in (0.05, 0.2)
        for n in (20, 200)
    ),
)
_CASES = (
    *_TARGETS,
    *(
        Case(requests=n, errors=base, base=base, shares=shares)
        for shares in (RISING, EQUAL)
        for base in (0.0, 0.0005, 0.05, 0.2)
        for n in (20, 200, 2000)
        if base < 0.05 or n == 2000
    ),
    *(
        Case(requests=n, errors=errors, shares=shares)
        for shares in (RISING, EQUAL)
        for n, errors in ((20, 0.02), (20, 0.2), (20, 1.0), (200, 0.05), (2000, 0.0125), (2000, 0.02))
    ),
    Case(requests=2000, errors=0.25, base=0.2),
)
_REPLAYED = [
    Case(requests=20, errors=errors, shares=shares, replayed=True)
    for shares in (RISING, EQUAL)
    for errors in (0.005, 0.05)
]
_OFTEN = [
    Case(requests=n, errors=errors, looks=60)
    for n, errors in ((20, 0.005), (200, 0.005), (2000, 0.005), (20, 0.05), (200, 0.02))
]


def measure(repeat: int) -> Section:
    """`repeat`: how many releases are simulated for a line; for those with a target five times as many.

    With many looks it is half as many, and of whole releases a quarter.
    """
    ours = {case: judged(case, repeat * (5 if case in _TARGETS else 1), _SEED) for case in _CASES}
    more = {case: judged(case, _repeated(case, repeat), _SEED) for case in (*_REPLAYED, *_OFTEN)}
    waiting = sum(map(_stays_silent, range(_SILENT)))
    good = max(ours[case].rolled_back for case in _GOOD)
    alike = max(ours[case].rolled_back for case in _CASES if case.errors == case.base)
    asked = max((case for case in _CASES if case.errors == case.base), key=lambda case: ours[case].rolled_back)
    often = max(more[case].rolled_back for case in _OFTEN if case.errors == case.base)
    releases = repeat * (5 if asked in _TARGETS else 1)
    note = (
        f"± {math.sqrt(alike * (1 - alike) / releases):.1g}: {asked.requests} requests, {_percent(asked.base)} errors"
    )
    results = [
        Result(name="good canaries rolled back, at 0.5 % errors, worst", unit="of 1", ours=good, most=0.01),
        Result(name="the same at 0 to 20 % errors, worst", unit="of 1", ours=alike, most=0.01, note=note),
        Result(name="the same with 60 looks an interval, at 0.5 %, worst", unit="of 1", ours=often, most=0.01),
    ]
    for name, least, cases, again in (
        ("10 times the errors, 20 requests an interval", 0.75, _TEN_TIMES, (_REPLAYED[1], _REPLAYED[3])),
        ("4 times the errors, 200 requests an interval", 0.95, _FOUR_TIMES, ()),
    ):
        for case in cases:
            missed = 1 - ours[case].rolled_back
            note = f"no judge that errs at most as often can have less than {1 - _bound(case):.2g}"
            title = f"{name}, {_SHARES[case.shares]} of the traffic: not rolled back"
            results.append(Result(name=title, unit="of 1", ours=missed, most=1 - least, note=note))
        for case in again:
            title = f"{name}, {_SHARES[case.shares]} of the traffic, and 80 replayed: not rolled back"
            results.append(Result(name=title, unit="of 1", ours=1 - more[case].rolled_back, most=1 - least))
    results.append(
        Result(name="silent canaries promoted or rolled back", unit=f"of {_SILENT}", ours=_SILENT - waiting, most=0)
    )
    whole = [
        (traffic, errors, replayed)
        for traffic in (40, 400, 4000)
        for replayed in (True, False)
        for errors in (0.005, 0.02, 0.05)
    ]
    tables = (
        Table(
            title="Share rolled back within 10 intervals",
            columns=(*_ABOUT, "jenkins-ml", "after requests", "most possible", *PEERS),
            rows=(*(_row(*each, repeat) for each in ours.items()), _SILENCE),
        ),
        Table(
            title="With 100 - 20 = 80 replayed requests an interval, and with 60 looks an interval",
            columns=(*_ABOUT, "looks an interval", "replayed", "jenkins-ml", "after requests"),
            rows=tuple(_more(*each, _repeated(each[0], repeat)) for each in more.items()),
        ),
        Table(
            title=f"Whole releases ({max(1, repeat // 4)} a line): 5, 25, 50, 100 % of the traffic, each for an interval at least, "
            "60 at most in all",
            columns=(
                "traffic an interval",
                "errors",
                "replayed",
                "rolled back",
                "released",
                "inconclusive",
                "intervals",
                "delayed",
            ),
            rows=tuple(_course(*each, max(1, repeat // 4)) for each in whole),
        ),
        Table(
            title="A canary that fails always: requests until it is rolled back, where production never fails",
            columns=("of the traffic", "requests"),
            rows=tuple((f"{share:.0%}", str(requests_until_sure(share))) for share in (0.01, 0.05, 0.25, 0.5, 0.9)),
        ),
    )
    return Section(results=tuple(results), tables=tables)


_ABOUT = ("requests", "errors", "production's", "traffic")
_SILENCE = ("0", "", "0.5 %", "any", "0", "", "", "1", "1", "1", "1")


def _row(case: Case, outcome: Outcome, repeat: int) -> tuple[str, ...]:
    sample = drawn(case, min(repeat, _PEER_RELEASES), np.random.default_rng(_SEED))
    bound = f"{_bound(case):.2f}" if case in _TEN_TIMES + _FOUR_TIMES else ""
    peers = [f"{float(rule(*sample).mean()):.2f}" for rule in PEERS.values()]
    return (*_about(case), *_share(outcome, repeat * (5 if case in _TARGETS else 1)), bound, *peers)


def _more(case: Case, outcome: Outcome, repeat: int) -> tuple[str, ...]:
    return (*_about(case), str(case.looks), "yes" if case.replayed else "no", *_share(outcome, repeat))


def _about(case: Case) -> tuple[str, ...]:
    return f"{case.requests:,}", _percent(case.errors), _percent(case.base), _SHARES[case.shares]


def _repeated(case: Case, repeat: int) -> int:
    return max(1, repeat // 2) if case.looks > 1 else repeat


def _share(outcome: Outcome, releases: int) -> tuple[str, str]:
    after = "" if outcome.requests is None or outcome.rolled_back < 0.1 else f"{outcome.requests:,.0f}"
    return _estimate(outcome.rolled_back, releases), after


def _estimate(share: float, releases: int) -> str:
    """A share and its standard error; where nothing was seen, what is still likely (3 in as many: 95 %)."""
    if share in (0.0, 1.0):
        return f"{share:g} ({'less' if share == 0 else 'more'} than {abs(share - 3 / releases):.4g})"
    return f"{share:.4f} ± {math.sqrt(share * (1 - share) / releases):.4f}"


def _bound(case: Case) -> float:
    intervals = len(case.shares)
    return most_power(intervals * case.requests, sum(case.stable), case.errors, case.base, LIMITS.alpha)


def _course(traffic: int, errors: float, replayed: bool, releases: int) -> tuple[str, ...]:
    went: Course = courses(traffic, errors, releases, _SEED, replayed=replayed)
    shares = (f"{share:.4f}" for share in (went.rolled_back, went.released, went.inconclusive))
    return (
        f"{traffic:,}", _percent(errors), "yes" if replayed else "no", *shares, f"{went.intervals:.2f}",
        f"{went.delayed:.4f}" if replayed or traffic * STEPS[0] >= 2 * LIMITS.min_requests else "",
    )  # fmt: skip


def _stays_silent(seed: int) -> bool:
    """Whether the judge waits at each of 100 looks that show production only, or nobody."""
    generator = np.random.default_rng(seed)
    seen = Seen()
    for checkpoint, requests in enumerate(generator.poisson(seed, 100).tolist()):
        stable = Window(requests=requests, failed=int(generator.binomial(requests, 0.005)))
        look = Evidence(step=0, live=Window(), live_stable=stable, replayed=Window(), replayed_stable=Window())
        seen = seen.after(look, LIMITS, min(checkpoint, INTERVALS))
        if judge(seen, LIMITS).verdict != "wait":
            return False
    return True


def _percent(share: float) -> str:
    return f"{100 * share:g} %"
