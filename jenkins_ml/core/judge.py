"""Whether a canary is worse than production: sequential tests with a stated error rate, as often as one likes. Pure.

After each look the judge says `promote`, `wait` or `roll_back`. A canary that is exactly as good as production is rolled
back at any of the looks of its release, however many there are, with probability at most `alpha`. This rests on bets
(`judging/rates.py`), and for users' errors on a count at planned moments, too (`judging/checkpoints.py`). Both assume nothing
of the rate of errors, nor that it or the canary's share of traffic stays the same; only that answers of one look are
independent of each other. Five questions, each asked apart of users' requests and
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
from dataclasses import dataclass, field
from typing import Literal

from jenkins_ml.core.judging.limits import Limits
from jenkins_ml.core.judging.questions import Question, questions
from jenkins_ml.core.judging.sources import Source
from jenkins_ml.core.judging.windows import Evidence, Window

__all__ = ["Evidence", "Judgement", "Limits", "Question", "Seen", "Window", "judge"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A release so far, its looks folded into sums: what one keeps from look to look.

    Args:
        live: users' requests.
        replayed: those put to both versions, recorded ones or, in a shadow step, users'.
        step: the present one.
        users, again: the canary's live and replayed answers in it.
        checked: whether its checkpoint has been.
    """

    live: Source = field(default_factory=lambda: Source(paired=False))
    replayed: Source = field(default_factory=lambda: Source(paired=True))
    step: int = 0
    users: int = 0
    again: int = 0
    checked: bool = False

    @property
    def answers(self) -> int:
        """The canary's in this step."""
        return self.users + self.again

    def after(self, look: Evidence, limits: Limits, checkpoint: int = 0) -> Seen:
        """After one more look.

        Args:
            look: the next one; its step is the present one or a later one.
            limits: the same as for the looks before.
            checkpoint: which of the planned ones this look is, from 1, if the step would be left after it; 0 for none. When
                and how often may depend on how many answers came, not on how they went: so a step has one checkpoint, and
                if it is not left then because of a doubt, what comes until it is counts for the bets only.
        """
        same = look.step == self.step
        checked = same and self.checked
        live = self.live.shared(look.live, look.live_stable, limits, last=checkpoint > 0, counted=not checked)
        if checkpoint and not checked:
            live = live.asked(limits.spendable(checkpoint))
        return Seen(
            live=live,
            replayed=self.replayed.sampled(look.sampled, look.sampled_stable, look.sampled_flips, limits).replayed(
                look.replayed, look.replayed_stable, look.flips, limits
            ),
            step=look.step,
            users=look.live.requests + self.users * same,
            again=look.paired + self.again * same,
            checked=checked or checkpoint > 0,
        )


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


def judge(seen: Seen, limits: Limits) -> Judgement:
    """Judge a release after its last look; to be called after each.

    Args:
        seen: all of the release so far.
        limits: those that it was folded with.

    Returns:
        roll_back when a test is sure; wait when this step has too few answers, or something is suspicious and patience has
        not run out; promote otherwise.
    """
    asked = (*questions("live", seen.live, limits), *questions("replayed", seen.replayed, limits))
    answers, needed = seen.answers, max(limits.min_requests, 1)
    worse, suspicious = _most(asked, "worse"), _most(asked, "suspicious")
    verdict: Literal["promote", "wait", "roll_back"] = "promote"
    reason = f"{seen.users:,} live and {seen.again:,} replayed answers in this step, nothing against them"
    if worse:
        verdict = "roll_back"
        reason = f"{worse.said}: evidence {worse.evidence:,.0f}, and {worse.needed:,.0f} is enough"
    elif answers < needed:
        verdict, reason = "wait", f"{answers:,} of {needed:,} answers that this step needs"
    elif suspicious:
        doubt = f"{suspicious.said}: evidence {suspicious.evidence:,.0f}, not yet {suspicious.needed:,.0f}"
        needed *= max(limits.patience, 1)
        if answers < needed:
            verdict, reason = "wait", f"{doubt}; {answers:,} of {needed:,} answers to find out"
        else:
            reason = f"{doubt}, and {answers:,} answers did not make it sure"
    return Judgement(verdict=verdict, reason=reason, answers=answers, answers_needed=needed, evidence=asked)


def _most(asked: Sequence[Question], verdict: str) -> Question | None:
    found = [question for question in asked if question.verdict == verdict]
    return max(found, key=lambda question: question.weight) if found else None
