"""The rows about what is served: traffic, errors, latency, promises, and the canary beside stable."""

from __future__ import annotations

from jenkins_ml import names
from jenkins_ml.core.monitoring.recording import AVAILABILITY, LATENCY, LATENCY_OBJECTIVE, ratio
from jenkins_ml.core.monitoring.windows import LONG, PAGES, PERIOD, SHORT, TICKETS, Burn
from jenkins_ml.rendering.monitoring.grafana import panels
from jenkins_ml.rendering.monitoring.grafana.asking import BY_VERSION, CHOSEN, Asking
from jenkins_ml.rendering.monitoring.grafana.panels import Column, Json, Query, Row, Steps
from jenkins_ml.rendering.monitoring.grafana.words import BUDGET, BURN, runbook


def now(ask: Asking) -> Row:
    """What a glance has to tell: what is in production, whether the promises hold, whether somebody has to act."""
    firing = ask.series("ALERTS", alertstate="firing")
    in_production = [
        panels.stat(
            "In production",
            "The version that the last release or rollback brought to production." + runbook("JenkinsMLReleaseStale"),
            Query(f"max({ask.series(names.METRIC_RELEASED_VERSION)})"),
            empty="none",
            steps=((None, "blue"),),
        ),
        panels.stat(
            "Since",
            "When that was." + runbook("JenkinsMLReleaseStale"),
            Query(f"max({ask.series(names.METRIC_RELEASED)}) * 1000"),
            unit="dateTimeFromNow",
            empty="never",
            steps=((None, "blue"),),
        ),
    ]
    period = ask.window(PERIOD)
    objective = ask.slo.availability
    return "Now", [
        *(in_production if ask.pushes else []),
        panels.stat(
            "Availability",
            f"Share of requests that were answered well within {period}. Promised: {objective:g}. Red: the promise is "
            "broken." + runbook("JenkinsMLErrorBudgetBurn", "JenkinsMLErrorBudgetBurnSlow"),
            Query(f"1 - {ask.series(ratio(PERIOD), slo=AVAILABILITY)}"),
            unit="percentunit",
            steps=((None, "red"), (objective, "green")),
        ),
        panels.stat(
            "Budget left",
            f"What is left of the failures that the promise allows within {period}. 100 %: none was used. Below 0: "
            "the promise is broken." + runbook("JenkinsMLErrorBudgetBurn", "JenkinsMLLatencyBudgetBurn"),
            Query(ask.series("jenkins_ml:slo:budget_left"), "{{slo}}"),
            unit="percentunit",
            steps=BUDGET,
        ),
        panels.stat(
            "Burn rate",
            f"How many times as fast as the promise allows the budget is used up, over {ask.window(LONG)}. 1: it "
            f"lasts exactly {period}. Colours begin where alerts do."
            + runbook("JenkinsMLErrorBudgetBurn", "JenkinsMLLatencyBudgetBurn"),
            Query(ask.series("jenkins_ml:slo:burn_rate"), "{{slo}}"),
            steps=BURN,
        ),
        panels.stat(
            "Latency p99",
            f"99 of 100 requests of the slowest version are answered this quickly, over {ask.window(SHORT)}."
            + runbook("JenkinsMLLatencyBudgetBurn"),
            Query(f"max({ask.series('jenkins_ml_version:latency_seconds:p99')})"),
            unit="s",
            steps=ask.latency_steps(),
        ),
        panels.stat(
            "Requests",
            f"Requests a second that were answered or failed, over {ask.window(SHORT)}."
            + runbook("JenkinsMLNoData", "JenkinsMLServerDown"),
            Query(f"sum({ask.series('jenkins_ml_version:requests:rate')})"),
            unit="reqps",
            steps=((None, "blue"),),
        ),
        panels.stat(
            "Alerts",
            "Alerts that are firing; their names stand in the last row.",
            Query(f"count({firing}) or vector(0)"),
            steps=panels.BAD,
        ),
    ]


def traffic(ask: Asking) -> Row:
    """Who is asked, and how much."""
    return "Traffic", [
        panels.lines(
            "Requests by version",
            "Requests a second, on top of each other. A version that gets none has lost its traffic, or its metrics."
            + runbook("JenkinsMLNoData", "JenkinsMLServerDown"),
            Query(ask.versions("jenkins_ml_version:requests:rate"), "version {{version}}"),
            unit="reqps",
            stacked=True,
        ),
        panels.lines(
            "Share of the traffic",
            "Which share of the requests each version answers. Two for long: a canary that is stuck."
            + runbook("JenkinsMLCanaryStuck"),
            Query(ask.versions("jenkins_ml_version:traffic:share"), "version {{version}}"),
            unit="percentunit",
            stacked=True,
            highest=1,
        ),
    ]


def errors(ask: Asking) -> Row:
    """What goes wrong, and how long answers take."""
    allowed: Steps = ((None, "green"), (round(1 - ask.slo.availability, 6), "red"))
    shown = [
        panels.lines(
            "Failures",
            "Share of requests that failed by the server's fault. The line is what the promise allows; what clients "
            "sent wrong does not count." + runbook("JenkinsMLErrorBudgetBurn"),
            Query(ask.share("jenkins_ml_version:failures:rate", CHOSEN), "version {{version}}"),
            unit="percentunit",
            steps=allowed,
        ),
        panels.lines(
            "Latency",
            f"How quickly half and 99 of 100 requests are answered, over {ask.window(SHORT)}, as closely as the bounds "
            "of the histogram tell." + runbook("JenkinsMLLatencyBudgetBurn"),
            Query(ask.versions("jenkins_ml_version:latency_seconds:p99"), "p99, version {{version}}"),
            Query(ask.versions("jenkins_ml_version:latency_seconds:p50"), "p50, version {{version}}"),
            unit="s",
            steps=ask.latency_steps(),
            dashed="^p50",
        ),
    ]
    if ask.counts_nan:
        shown.append(
            panels.lines(
                "Answers with NaN",
                "Share of answers that hold NaN or an infinity. A model that was trained and exported well has none; "
                "TensorFlow Serving does not count them." + runbook("JenkinsMLNanAnswers"),
                Query(ask.share("jenkins_ml_version:nan:rate", CHOSEN), "version {{version}}"),
                unit="percentunit",
                steps=allowed,
            )
        )
    if LATENCY in ask.promises:
        shown.append(
            panels.lines(
                "Slow answers",
                f"Share of requests that took longer than {ask.slo.latency_p99_ms} ms, rounded up to the next bound "
                "of the histogram. The line is what the promise allows: one in a hundred."
                + runbook("JenkinsMLLatencyBudgetBurn"),
                Query(ask.share("jenkins_ml_version:slow:rate", CHOSEN), "version {{version}}"),
                unit="percentunit",
                steps=((None, "green"), (round(1 - LATENCY_OBJECTIVE, 6), "red")),
            )
        )
    return "Errors and latency", shown


def promises(ask: Asking) -> Row:
    """How fast the budget for bad answers is used up, and what is left of it."""
    alerts = {
        AVAILABILITY: ("JenkinsMLErrorBudgetBurn", "JenkinsMLErrorBudgetBurnSlow"),
        LATENCY: ("JenkinsMLLatencyBudgetBurn", "JenkinsMLLatencyBudgetBurnSlow"),
    }
    width = panels.COLUMNS // (len(ask.promises) + 1)
    shown = [
        panels.lines(
            f"Burn rate of {slo}",
            "How many times as fast as the promise allows the budget is used up. Somebody is woken up by "
            f"{_either(ask, PAGES)}; a ticket comes with {_either(ask, TICKETS)}." + runbook(*alerts[slo]),
            *(Query(ask.burn(each.long, slo), f"over {ask.window(each.long)}") for each in (*PAGES, *TICKETS)),
            steps=BURN,
            width=width,
        )
        for slo in ask.promises
    ]
    shown.append(
        panels.lines(
            "Budget left",
            f"What is left of the failures that the promise allows within {ask.window(PERIOD)}. It rises when bad "
            "hours leave the period." + runbook("JenkinsMLErrorBudgetBurnSlow", "JenkinsMLLatencyBudgetBurnSlow"),
            Query(ask.series("jenkins_ml:slo:budget_left"), "{{slo}}"),
            unit="percentunit",
            steps=((None, "red"), (0, "green")),
            highest=1,
            lowest=None,
            width=width,
        )
    )
    return "Promises", shown


def canary(ask: Asking) -> Row:
    """Versions beside each other."""
    by = "max by (version)"
    columns = [
        Column(
            title="Share of the traffic",
            expr=f"{by} ({ask.series('jenkins_ml_version:traffic:share')})",
            unit="percentunit",
        ),
        Column(title="Requests", expr=f"{by} ({ask.series('jenkins_ml_version:requests:rate')})", unit="reqps"),
        Column(
            title="Failures",
            expr=f"{by} ({ask.share('jenkins_ml_version:failures:rate')})",
            unit="percentunit",
            steps=((None, "green"), (round(1 - ask.slo.availability, 6), "red")),
        ),
        Column(title="p50", expr=f"{by} ({ask.series('jenkins_ml_version:latency_seconds:p50')})", unit="s"),
        Column(
            title="p99",
            expr=f"{by} ({ask.series('jenkins_ml_version:latency_seconds:p99')})",
            unit="s",
            steps=ask.latency_steps(),
        ),
    ]
    if ask.counts_nan:
        columns.insert(
            3,
            Column(
                title="Answers with NaN",
                expr=f"{by} ({ask.share('jenkins_ml_version:nan:rate')})",
                unit="percentunit",
            ),
        )
    shown = [
        panels.table(
            "Versions, side by side",
            f"What each version that answers did within {ask.window(SHORT)}. While a canary runs there are two."
            + runbook("JenkinsMLCanaryStuck"),
            {"version": "Version"},
            columns,
            height=5,
        )
    ]
    if ask.pushes:
        shown += _against_stable(ask)
    return "Canary against stable", shown


def _against_stable(ask: Asking) -> list[Json]:
    """The version in production beside the one that is not, which takes a release that was reported to tell them apart."""
    stable = f"topk by (model, environment) (1, {ask.series(names.METRIC_RELEASED)})"
    measures = [
        ("failures", ask.share("jenkins_ml_version:failures:rate"), "percentunit", "JenkinsMLErrorBudgetBurn"),
        ("p99", ask.series("jenkins_ml_version:latency_seconds:p99"), "s", "JenkinsMLLatencyBudgetBurn"),
    ]
    if ask.counts_nan:
        nan = ask.share("jenkins_ml_version:nan:rate")
        measures.append(("answers with NaN", nan, "percentunit", "JenkinsMLNanAnswers"))
    return [
        panels.lines(
            f"Canary and stable: {what}",
            "Stable is the version of the last release at that time; every other version that answers is a canary, or "
            "what is left of the one before." + runbook(alert),
            Query(f"max by (version) (({expr}) and {BY_VERSION} {stable})", "stable, version {{version}}"),
            Query(f"max by (version) (({expr}) unless {BY_VERSION} {stable})", "canary, version {{version}}"),
            unit=unit,
            width=panels.COLUMNS // len(measures),
            dashed="^stable",
        )
        for what, expr, unit, alert in measures
    ]


def _either(ask: Asking, burns: tuple[Burn, ...]) -> str:
    return " or ".join(f"{each.factor:g} over {ask.window(each.long)}" for each in burns)
