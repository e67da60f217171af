"""The alerts about what is served: how promises are kept, NaN, servers and requests that are missing, releases that do not end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from jenkins_ml import names
from jenkins_ml.core.monitoring import recording, windows
from jenkins_ml.core.monitoring.alerts import Alert, Watched
from jenkins_ml.core.monitoring.recording import AVAILABILITY, BY_ENVIRONMENT, LATENCY
from jenkins_ml.core.monitoring.series import BY_VERSION
from jenkins_ml.core.monitoring.windows import LEAST_SCRAPES, LONG, SHORT, duration

# A version with at least this share of the requests is one in production, or a canary that takes its place just now.
# Less than half, or chance would decide at a step of 50 percent. A canary's own failures name the canary.
PRODUCTION_SHARE: Final = 0.4
# More NaN than this is a broken model, however little availability is promised.
NAN_SHARE: Final = 0.05
# An hour has ten requests when 60 come in six hours: fewer may be none at all, by chance.
EXPECTED_REQUESTS: Final = 60
# A share of the requests that is no mistake of counting: the smallest step of a canary is one percent.
CANARY_SHARE: Final = 0.005


def quick(watched: Watched) -> Iterator[Alert]:
    """The alerts that wake somebody up, and others about what is served now."""
    yield from _pages(watched)
    if watched.series.counts_nan:
        yield _nan(watched)
    yield _down(watched)
    yield _canary_stuck(watched)


def slow(watched: Watched) -> Iterator[Alert]:
    """The alerts about what is served that can wait."""
    for slo, objective in recording.objectives(watched.series, watched.promise).items():
        yield from _ticket(watched, slo, objective)
    yield from _no_data(watched)


# --- the promise ---------------------------------------------------------------------------------------------------
def _pages(watched: Watched) -> Iterator[Alert]:
    words = {
        AVAILABILITY: ("JenkinsMLErrorBudgetBurn", "fails", "failed or held NaN"),
        LATENCY: ("JenkinsMLLatencyBudgetBurn", "is slow", _was_slow(watched)),
    }
    for slo, objective in recording.objectives(watched.series, watched.promise).items():
        name, does, did = words[slo]
        conditions = [
            _burning(watched, slo, recording.threshold(burn.factor, objective), burn.long, burn.short)
            for burn in windows.PAGES
            if recording.threshold(burn.factor, objective) < 1
        ]
        # A promise may be so little that no burn rate is reached soon, or at all. Users' requests are lost all the same.
        lost = float(f"{1 - objective / 2:.6g}")
        conditions += [_burning(watched, slo, lost, window, window) for window in windows.OUTAGES]
        yield Alert(
            name=name,
            expression=" or ".join(f"({each})" for each in conditions),
            severity="page",
            action="rollback",
            summary=f"Version {{{{ $labels.version }}}} of {watched.what} {does}",
            description=f"{{{{ $value | humanizePercentage }}}} of the requests that version {{{{ $labels.version }}}} got "
            f"{did}; promised are {_percent(1 - objective)} at most, over all versions and "
            f"{watched.windows.length(windows.PERIOD)}.",
            command=f"jenkins-ml rollback {watched.where}",
        )


def _burning(watched: Watched, slo: str, limit: float, long: str, short: str) -> str:
    """A version in production breaks the promise this often, in both windows, by enough requests to be sure."""
    conditions = [
        *(f"({_share(watched, window, slo)} > {limit:g})" for window in dict.fromkeys((long, short))),
        f"({watched.select(recording.bad(long), slo=slo)} >= {watched.promise.min_failures})",
    ]
    return f"{' and '.join(conditions)} and ignoring (slo) {_in_production(watched, short)}"


def _share(watched: Watched, window: str, slo: str) -> str:
    broken, every = watched.select(recording.bad(window), slo=slo), watched.select(recording.requests(window))
    return f"{broken} / ignoring (slo) group_left () {every}"


def _in_production(watched: Watched, window: str) -> str:
    """The versions that have answered a large share of the requests within a window."""
    every = watched.select(recording.requests(window))
    return f"({every} >= on ({BY_ENVIRONMENT}) group_left () {PRODUCTION_SHARE} * sum by ({BY_ENVIRONMENT}) ({every}))"


def _was_slow(watched: Watched) -> str:
    """Empty where nothing is promised about latency: then nothing is said of it either."""
    limit = watched.promise.latency_p99_ms
    return "" if limit is None else f"took longer than {limit:g} ms"


def _ticket(watched: Watched, slo: str, objective: float) -> Iterator[Alert]:
    words = {
        AVAILABILITY: ("JenkinsMLErrorBudgetBurnSlow", "fails too often", "failed or held NaN"),
        LATENCY: (
            "JenkinsMLLatencyBudgetBurnSlow",
            "is too slow too often",
            _was_slow(watched),
        ),
    }
    name, does, did = words[slo]
    conditions = []
    for burn in windows.TICKETS:
        limit = recording.threshold(burn.factor, objective)
        if limit < 1:
            ratios = [
                f"({watched.select(recording.ratio(window), slo=slo)} > {limit:g})"
                for window in (burn.long, burn.short)
            ]
            count = watched.select(f"jenkins_ml:bad:increase{burn.long}", slo=slo)
            conditions.append(f"({' and '.join(ratios)} and ({count} >= {watched.promise.min_failures}))")
    yield Alert(
        name=name,
        expression=" or ".join(conditions),
        severity="ticket",
        action="none",
        summary=f"{watched.what} {does}",
        description=f"{{{{ $value | humanizePercentage }}}} of the requests {did} over days; promised are "
        f"{_percent(1 - objective)} at most over {watched.windows.length(windows.PERIOD)}, and at this rate that is "
        "broken.",
        command=f"jenkins-ml status {watched.where}",
    )


def _nan(watched: Watched) -> Alert:
    """NaN answers count as failures, too; an alert of their own says what is wrong."""
    limit = min(recording.threshold(windows.PAGES[0].factor, watched.promise.availability), NAN_SHARE)
    rate, every = watched.select("jenkins_ml_version:nan:rate"), watched.select("jenkins_ml_version:requests:rate")
    count = watched.series.nan(watched.windows.length(LONG))
    conditions = [
        f"({rate} / {every} > {limit:g})",
        f"({count} / {watched.select(recording.requests(LONG))} > {limit:g})",
        f"({count} >= {watched.promise.min_failures})",
        _in_production(watched, SHORT),
    ]
    return Alert(
        name="JenkinsMLNanAnswers",
        expression=" and ".join(conditions),
        severity="page",
        action="rollback",
        summary=f"Version {{{{ $labels.version }}}} of {watched.what} answers NaN",
        description=f"{{{{ $value | humanizePercentage }}}} of the answers of version {{{{ $labels.version }}}} held NaN or "
        f"an infinity; {_percent(limit)} are let go.",
        command=f"jenkins-ml rollback {watched.where}",
    )


# --- what is there -------------------------------------------------------------------------------------------------
def _down(watched: Watched) -> Alert:
    """No server is left, or none of a version that has just had the requests: a version kept warm takes none.

    A server that was never there is none that is missing: the first release has not been yet. One whose targets are gone is
    missed for a day, since somebody may have taken it away; one that is still looked for, for a month.
    """
    up = watched.select("up")
    living = f"max by ({BY_ENVIRONMENT}) ({up})"
    released = [f"max by ({BY_ENVIRONMENT}) ({watched.select(names.METRIC_RELEASED)}) > 0"] if watched.reachable else []
    # Over a month as it was on each hour: all that was scraped since would take long to read, each time.
    seen = [f"max by ({BY_ENVIRONMENT}) (max_over_time({up}[{span}])) > 0" for span in ("1d", "1h", "30d:1h")]
    day, month = (" or ".join(f"({each})" for each in (*spans, *released)) for spans in (seen[:1], seen[1:]))
    silent = f"({living} == 0) and on ({BY_ENVIRONMENT}) ({month})"
    all_of_them = f"({silent}) or (0 * ({day}) unless on ({BY_ENVIRONMENT}) {living})"
    named = watched.select("up", 'version!=""')
    versions = f"max by ({BY_VERSION}) ({named}) == 0"
    one = f"({versions}) and {_in_production(watched, LONG)}"
    return Alert(
        name="JenkinsMLServerDown",
        expression=f"({all_of_them}) or (({one}) unless on ({BY_ENVIRONMENT}) ({living} == 0))",
        hold=_few_scrapes(watched),
        severity="page",
        action="none",
        summary=f"Nothing serves {watched.what}",
        description="Prometheus reaches no server of it{{ with $labels.version }} that has version {{ . }}, which has had "
        f"the requests{{{{ end }}}}, for {duration(_few_scrapes(watched))} or longer.",
        command=f"jenkins-ml status {watched.where}",
    )


def _few_scrapes(watched: Watched) -> int:
    return round(watched.windows.scrape * 1000) * LEAST_SCRAPES


def _no_data(watched: Watched) -> Iterator[Alert]:
    """Nobody asks, though somebody did at this time of the day before, and of the week before as far as is known."""
    window, day = "6h", watched.windows.milliseconds("1d")
    every = watched.select(f"jenkins_ml:requests:increase{window}")
    before = f"({every} offset {duration(day)} >= {EXPECTED_REQUESTS})"
    unless = [f"({every} > 0)", f"({every} offset {duration(7 * day)} == 0)"]
    yield Alert(
        name="JenkinsMLNoData",
        labels={"reason": "no-requests"},
        expression=" ".join([before, *(f"unless on ({BY_ENVIRONMENT}) {each}" for each in unless)]),
        severity="ticket",
        action="none",
        summary=f"Nobody asks {watched.what} any more",
        description=f"No request within {watched.windows.length(window)}; {duration(day)} before there were {{{{ $value | "
        'printf "%.0f" }} within that time.',
        command=f"jenkins-ml status {watched.where}",
    )
    if watched.series.counts_nan:  # our server; TensorFlow Serving has no series that is always there
        up = f"(max by ({BY_ENVIRONMENT}) ({watched.select('up')}) == 1)"
        yield Alert(
            name="JenkinsMLNoData",
            labels={"reason": "no-version"},
            expression=f"{up} unless on ({BY_ENVIRONMENT}) {watched.select(names.METRIC_LOADED)}",
            hold=3 * watched.windows.milliseconds(SHORT),
            severity="ticket",
            action="none",
            summary=f"The server of {watched.what} has no version",
            description="Prometheus reaches a server, which tells of no version that it has loaded.",
            command=f"jenkins-ml status {watched.where}",
        )


def _canary_stuck(watched: Watched) -> Alert:
    hold = watched.canary
    if watched.weighted:
        sharing = f"{watched.select(names.METRIC_WEIGHT)} > 0"
    else:
        every = watched.select(recording.requests(LONG))
        whole = f"sum by ({BY_ENVIRONMENT}) ({every})"
        sharing = f"{every} > on ({BY_ENVIRONMENT}) group_left () {CANARY_SHARE} * {whole}"
        hold += watched.windows.milliseconds(LONG)  # so long its last requests count after it has ended
    return Alert(
        name="JenkinsMLCanaryStuck",
        expression=f"count by ({BY_ENVIRONMENT}) ({sharing}) > 1",
        hold=hold,
        severity="ticket",
        action="none",
        summary=f"A release of {watched.what} does not end",
        description=f"{{{{ $value }}}} versions have shared the requests for {duration(hold)}; a release is decided within "
        f"{duration(watched.canary)}.",
        command=f"jenkins-ml status {watched.where}",
    )


def _percent(share: float) -> str:
    return f"{share * 100:.4g}%"
