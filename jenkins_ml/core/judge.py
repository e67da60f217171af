"""Whether a canary is worse than production: sequential tests with a stated error rate, as often as one likes. Pure.

After each look the judge says `promote`, `wait` or `roll_back`. A canary that is exactly as good as production is rolled
back at any of the looks of its release, however many there are, with probability at most `alpha`. This rests on bets
(`judging/rates.py`), which assume nothing of the rate of errors, nor that it or the canary's share of traffic stays the
same; only that answers of one look are independent of each other. Five questions, each asked apart of users' requests and
of replayed ones, since examples that never fail would hide users' requests that do:

    errors        does it answer with failures or NaN more often than production did meanwhile?
    NaN           the same, of NaN and infinities alone
    slow answers  do more than 1 in 100 take longer than the limit?
    latency       does it take longer than production, by more than a factor?
    predictions   is the distribution of its predictions further from production's than a tolerance?

Each has a part of alpha (Bonferroni). That a difference is sure rolls nothing back by itself: what was seen of it must be
more than what is allowed, too, or else enough traffic would condemn any canary for next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from operator import is_
from typing import Final, Literal

from jenkins_ml.core.judging.limits import Limits
from jenkins_ml.core.judging.questions import Question, questions
from jenkins_ml.core.judging.sources import Source
from jenkins_ml.core.judging.windows import Evidence, Window

__all__ = ["Evidence", "Judgement", "Limits", "Question", "Window", "judge"]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The answer at one look.

    Args:
        verdict: promote: this step may be left; wait: it takes more answers; roll_back: it is worse.
        reason: one sentence with the numbers.
        answers: the canary's in this step.
        answers_needed: how many it takes before this step can be left.
        evidence: what the looks say to each question.
    """

    verdict: Literal["promote", "wait", "roll_back"]
    reason: str
    answers: int = 0
    answers_needed: int = 0
    evidence: tuple[Question, ...] = ()


def judge(looks: Sequence[Evidence], limits: Limits) -> Judgement:
    """Judge a release after its last look; to be called after each.

    Args:
        looks: all of the release so far, in order.
        limits: the same as after the looks before.

    Returns:
        roll_back when a test is sure; wait when this step has too few answers, or something is suspicious and patience has
        not run out; promote otherwise.
    """
    live, replayed = _folded(tuple(looks), limits)
    asked = (*questions("live", live, limits), *questions("replayed", replayed, limits))
    in_step = tuple(takewhile(lambda look: look.step == looks[-1].step, reversed(looks)))
    users, again = sum(look.live.requests for look in in_step), sum(look.replayed.requests for look in in_step)
    answers, needed = users + again, max(limits.min_requests, 1)
    worse, suspicious = _most(asked, "worse"), _most(asked, "suspicious")
    verdict: Literal["promote", "wait", "roll_back"] = "promote"
    reason = f"{users:,} live and {again:,} replayed answers in this step, nothing against them"
    if worse:
        verdict = "roll_back"
        reason = f"{worse.said}: evidence {worse.e_value:,.0f}, and {worse.needed:,.0f} is enough"
    elif answers < needed:
        verdict, reason = "wait", f"{answers:,} of {needed:,} answers that this step needs"
    elif suspicious:
        doubt = f"{suspicious.said}: evidence {suspicious.e_value:,.0f}, not yet {suspicious.needed:,.0f}"
        needed *= max(limits.patience, 1)
        if answers < needed:
            verdict, reason = "wait", f"{doubt}; {answers:,} of {needed:,} answers to find out"
        else:
            reason = f"{doubt}, and {answers:,} answers did not make it sure"
    return Judgement(verdict=verdict, reason=reason, answers=answers, answers_needed=needed, evidence=asked)


def _most(asked: Sequence[Question], verdict: str) -> Question | None:
    found = [question for question in asked if question.verdict == verdict]
    return max(found, key=lambda question: question.weight) if found else None


_Sums = tuple[Source, Source]
_NOTHING: Final[_Sums] = (Source(paired=False), Source(paired=True))
# What the last call came to: the next one has the same looks and one more. Only a shortcut; looks are told by identity.
_last: tuple[tuple[Evidence, ...], Limits | None, _Sums] = ((), None, _NOTHING)


def _folded(looks: tuple[Evidence, ...], limits: Limits) -> _Sums:
    """All looks, folded into sums."""
    global _last
    before, same, sums = _last
    if limits != same or len(before) > len(looks) or not all(map(is_, before, looks)):
        before, sums = (), _NOTHING
    for look in looks[len(before) :]:
        live, replayed = sums
        sums = (
            live.after(look.live, look.live_stable, 0, limits),
            replayed.after(look.replayed, look.replayed_stable, look.flips, limits),
        )
    _last = (looks, limits, sums)
    return sums
