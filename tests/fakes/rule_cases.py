"""For every alert a case in which it fires and one in which it is silent; values are taken every 15 seconds, or as said."""

from itertools import pairwise

from tests.fakes.promtool import Case, counter, series, steady, values

GONE = float("-inf")
HOUR = 240  # scrapes
DAY = 1440  # minutes


def ours(version: str, answered: str, failed: str | None = None, code: str = "INTERNAL") -> dict[str, str]:
    """Our server's counters of a version: values of what it answered, and of what failed."""
    found = {series("jenkins_ml_requests_total", version=version, code="OK"): answered}
    if failed is not None:
        found[series("jenkins_ml_requests_total", version=version, code=code)] = failed
    return found


def serving(version: str, answered: str, failed: str | None = None, status: str = "INTERNAL") -> dict[str, str]:
    """TensorFlow Serving's, with what probes ask for beside them."""
    name = {"model_name": "digits", "version": version}
    requests, latency = ":tensorflow:serving:request_count", ":tensorflow:serving:request_latency_count"
    steps = 5 * HOUR
    found = {
        series(latency, **name, API="predict", entrypoint="REST"): answered,
        series(latency, **name, API="", entrypoint="REST"): steady(1000, steps),
        series(requests, **name, status="OK"): steady(2000, steps),
        series(requests, **name, status="NOT_FOUND"): steady(500, steps),
    }
    if failed is not None:
        found[series(requests, **name, status=status)] = failed
    return found


def slow_of(version: str, every: str, quick: str, *, bound: str = "0.25") -> dict[str, str]:
    """Our server's answers, all of them and those within a bound."""
    return {
        **ours(version, every),
        series("jenkins_ml_request_duration_seconds_count", version=version): every,
        series("jenkins_ml_request_duration_seconds_bucket", version=version, le=bound): quick,
        series("jenkins_ml_request_duration_seconds_bucket", version=version, le="+Inf"): every,
    }


def slow_serving(version: str, every: str, quick: str) -> dict[str, str]:
    """The same of TensorFlow Serving."""
    name = {"model_name": "digits", "version": version, "API": "predict", "entrypoint": "REST"}
    return {
        series(":tensorflow:serving:request_latency_count", **name): every,
        series(":tensorflow:serving:request_latency_bucket", **name, le="218591"): quick,
        series(":tensorflow:serving:request_latency_bucket", **name, le="+Inf"): every,
    }


def hourly(hours: int, requests: int, failing: int, restarts: int = 0) -> tuple[str, str]:
    """A counter of answers and one of failures, a value a minute: so many requests in each hour, some of which fail.

    Args:
        hours: how long.
        requests: in each hour, evenly.
        failing: of them, at the end of an hour and the beginning of the next in turn, as near together as can be.
        restarts: the server starts anew after each of so many hours; 0: it never does.
    """
    answered, failed, good, bad = [0.0], [0.0], 0.0, 0.0
    for hour in range(hours):
        if restarts and hour % restarts == 0:
            good = bad = 0
        places = [minute * requests // 60 for minute in range(61)]
        asked = [later - earlier for earlier, later in pairwise(places)]
        late = hour % 2 == 0
        order = list(range(59, -1, -1)) if late else list(range(60))
        wrong = [0] * 60
        left = failing
        for minute in order:
            wrong[minute] = min(asked[minute], left)
            left -= wrong[minute]
        for minute in range(60):
            good += asked[minute] - wrong[minute]
            bad += wrong[minute]
            answered.append(good)
            failed.append(bad)
    return values(answered), values(failed)


def outage(kind: str, at: str, rules: str, described: str, minutes: int = 60) -> Case:
    """All requests fail after an hour in which all were answered, 400 a minute."""
    make = {"ours": ours, "serving": serving}[kind]
    return Case(
        f"{kind}: everything fails, seen within 3 minutes, {rules}",
        "JenkinsMLErrorBudgetBurn",
        make("7", counter((100, minutes * 4), (0, 60)), counter((0, minutes * 4), (100, 60))),
        at,
        [FAILS],
        [described],
        rules=rules,
        evaluated="15s",
    )


FAILED = "the requests that version 7 got failed or held NaN; promised are"
FAILS = {"version": "7", "slo": "availability"}
SLOW = {"version": "7", "slo": "latency"}
LOADED = {series("jenkins_ml_version_loaded_timestamp_seconds", version="7"): "0x3000"}
RARELY = {"scraped": "1m", "evaluated": "5m"}
DAILY = {"scraped": "1h", "evaluated": "12h"}

PAGES = [
    outage("ours", "63m", "ours", f"5% of {FAILED} 0.1% at most, over all versions and 30d."),
    outage("serving", "63m", "serving", f"5% of {FAILED} 0.1% at most, over all versions and 30d."),
    outage("ours", "63m", "lax", f"100% of {FAILED} 10% at most, over all versions and 30d."),
    Case(
        "one in a hundred fails for hours",
        "JenkinsMLErrorBudgetBurn",
        ours("7", steady(99, 480), steady(1, 480)),
        "8h",
        [FAILS],
        [
            "1% of the requests that version 7 got failed or held NaN; promised are 0.1% at most, over all versions and 30d."
        ],
        scraped="1m",
        evaluated="1m",
    ),
    Case(
        "a canary's failures are not those of production",
        "JenkinsMLErrorBudgetBurn",
        {**ours("7", steady(95, HOUR)), **ours("8", steady(0, HOUR), steady(5, HOUR))},
        "60m",
    ),
    Case(
        "a canary with a quarter of the requests fails, beside production",
        "JenkinsMLErrorBudgetBurn",
        {**ours("7", steady(75, HOUR)), **ours("8", steady(0, HOUR), steady(25, HOUR))},
        "60m",
    ),
    Case(
        "TensorFlow Serving: a canary's failures are not those of production",
        "JenkinsMLErrorBudgetBurn",
        {**serving("7", steady(95, HOUR)), **serving("8", steady(0, HOUR), steady(5, HOUR))},
        "60m",
        rules="serving",
    ),
    Case(
        "production fails while a canary takes a part",
        "JenkinsMLErrorBudgetBurn",
        {**ours("7", steady(70, HOUR), steady(5, HOUR)), **ours("8", steady(25, HOUR), steady(0, HOUR))},
        "60m",
        [FAILS],
        [
            "6.667% of the requests that version 7 got failed or held NaN; promised are 0.1% at most, over all versions "
            "and 30d."
        ],
    ),
    Case(
        "clients send what is wrong",
        "JenkinsMLErrorBudgetBurn",
        ours("7", steady(10, HOUR), steady(90, HOUR), "INVALID_ARGUMENT"),
        "60m",
    ),
    Case(
        "TensorFlow Serving: clients send what is wrong",
        "JenkinsMLErrorBudgetBurn",
        serving("7", steady(10, HOUR), steady(90, HOUR), "INVALID_ARGUMENT"),
        "60m",
        rules="serving",
    ),
    Case(
        "nine of twenty requests fail, and no more",
        "",
        ours("7", steady(0, 60, 11), counter((0, 20), (3, 3), (0, 37))),
        "15m",
    ),
    Case(
        "a server starts anew in the middle of good requests",
        "",
        ours("7", counter((100, 100), (GONE, 1), (100, 139)), "0x240"),
        "60m",
    ),
    *(
        Case(f"one failure an hour {name}", "", ours("7", *hours), at, rules="plain", **RARELY)
        for name, at, hours in (
            ("of ten requests, for a week", "7d", hourly(168, 10, 1)),
            ("of thirty requests, for two days", "48h", hourly(48, 30, 1)),
            ("of ten requests, of a server that starts anew every 3 hours", "48h", hourly(48, 10, 1, restarts=3)),
        )
    ),
    Case(
        "TensorFlow Serving: one failure an hour of ten requests, for two days",
        "",
        serving("7", *hourly(48, 10, 1)),
        "48h",
        rules="serving",
        **RARELY,
    ),
]

LATE = [
    Case(
        "slow",
        "JenkinsMLLatencyBudgetBurn",
        slow_of("7", steady(100, HOUR), steady(80, HOUR)),
        "60m",
        [SLOW],
        [
            "20% of the requests that version 7 got took longer than 200 ms; promised are 1% at most, over all versions and 30d."
        ],
    ),
    Case(
        "TensorFlow Serving: slow",
        "JenkinsMLLatencyBudgetBurn",
        slow_serving("7", steady(100, HOUR), steady(80, HOUR)),
        "60m",
        [SLOW],
        [
            "20% of the requests that version 7 got took longer than 200 ms; promised are 1% at most, over all versions and 30d."
        ],
        rules="serving",
    ),
    Case("quick enough", "JenkinsMLLatencyBudgetBurn", slow_of("7", steady(100, HOUR), steady(99, HOUR)), "60m"),
    Case(
        "bounds above the limit do not count",
        "JenkinsMLLatencyBudgetBurn",
        slow_of("7", steady(100, HOUR), steady(100, HOUR), bound="0.25")
        | {series("jenkins_ml_request_duration_seconds_bucket", version="7", le="0.1"): steady(20, HOUR)},
        "60m",
    ),
    Case(
        "TensorFlow Serving: quick enough",
        "JenkinsMLLatencyBudgetBurn",
        slow_serving("7", steady(100, HOUR), steady(100, HOUR)),
        "60m",
        rules="serving",
    ),
    Case(
        "a canary is slow, and production is not",
        "JenkinsMLLatencyBudgetBurn",
        {**slow_of("7", steady(90, HOUR), steady(90, HOUR)), **slow_of("8", steady(10, HOUR), steady(0, HOUR))},
        "60m",
    ),
    Case(
        "slow for a day",
        "JenkinsMLLatencyBudgetBurnSlow",
        slow_of("7", steady(1000, DAY), steady(960, DAY)),
        "24h",
        [{"slo": "latency"}],
        [
            "4% of the requests took longer than 200 ms over days; promised are 1% at most over 30d, and at this rate that is broken."
        ],
        **RARELY,
    ),
    Case(
        "hardly slow for a day",
        "JenkinsMLLatencyBudgetBurnSlow",
        slow_of("7", steady(1000, DAY), steady(995, DAY)),
        "24h",
        **RARELY,
    ),
    Case(
        "some failures all day long",
        "JenkinsMLErrorBudgetBurnSlow",
        ours("7", steady(995, DAY), steady(5, DAY)),
        "24h",
        [{"slo": "availability"}],
        [
            "0.5% of the requests failed or held NaN over days; promised are 0.1% at most over 30d, and at this rate that is broken."
        ],
        **RARELY,
    ),
    Case(
        "as few failures as were promised",
        "JenkinsMLErrorBudgetBurnSlow",
        ours("7", steady(9995, DAY), steady(5, DAY)),
        "24h",
        **RARELY,
    ),
    Case(
        "a few failures of a few requests",
        "JenkinsMLErrorBudgetBurnSlow",
        ours("7", *hourly(24, 1, 0))
        | {series("jenkins_ml_requests_total", version="7", code="UNAVAILABLE"): steady(1 / 180, DAY)},
        "24h",
        **RARELY,
    ),
]


def nan_answers(version: str, every: str, nan: str) -> dict[str, str]:
    """Our server's answers, and how many held NaN."""
    return {**ours(version, every), series("jenkins_ml_nan_predictions_total", version=version): nan}


def up(text: str, **labels: str) -> dict[str, str]:
    """Whether a server is reached."""
    return {series("up", job="any", instance="one", **labels): text}


ABSENT = "Prometheus reaches no server of it, for 1m or longer."
SERVED = [
    Case(
        "NaN",
        "JenkinsMLNanAnswers",
        nan_answers("7", steady(100, 40), counter((0, 20), (50, 20))),
        "10m",
        [{"version": "7"}],
        ["50% of the answers of version 7 held NaN or an infinity; 1.44% are let go."],
    ),
    Case("a NaN now and then", "JenkinsMLNanAnswers", nan_answers("7", steady(100, HOUR), steady(1, HOUR)), "60m"),
    Case(
        "a canary's NaN",
        "JenkinsMLNanAnswers",
        {**nan_answers("7", steady(90, HOUR), steady(0, HOUR)), **nan_answers("8", steady(10, HOUR), steady(10, HOUR))},
        "60m",
    ),
    Case("the server is gone", "JenkinsMLServerDown", up("1x40 0x12"), "13m", [{}], [ABSENT]),
    Case("its targets are gone", "JenkinsMLServerDown", up("1x40 stale"), "13m", [{}], [ABSENT]),
    Case(
        "it was released, and never seen",
        "JenkinsMLServerDown",
        {series("jenkins_ml_release_timestamp_seconds", version="7"): "1x40"},
        "5m",
        [{}],
        [ABSENT],
    ),
    Case(
        "the version with the requests is gone, and the one before is kept warm",
        "JenkinsMLServerDown",
        {
            **up("1x40 0x12", version="7"),
            **up("1x60", version="6"),
            **serving("7", steady(100, 40)),
        },
        "13m",
        [{"version": "7"}],
        ["Prometheus reaches no server of it that has version 7, which has had the requests, for 1m or longer."],
        rules="serving",
    ),
    Case("it was not released yet", "JenkinsMLServerDown", up("0x100"), "25m"),
    Case(
        "it has been gone for two days",
        "JenkinsMLServerDown",
        up("1x300 0x3000"),
        "53h",
        [{}],
        [ABSENT],
        **RARELY,
    ),
    Case("one scrape fails", "JenkinsMLServerDown", up("1x40 0 0 1x20"), "15m"),
    Case(
        "one of two pods is gone",
        "JenkinsMLServerDown",
        {**up("1x40 0x20", version="7", pod="a"), **up("1x60", version="7", pod="b"), **serving("7", steady(100, 60))},
        "15m",
        rules="serving",
    ),
    Case(
        "a release takes the version before away",
        "JenkinsMLServerDown",
        {
            **up("1x40 0 0 stale", version="6"),
            **up("_x20 1x40", version="7"),
            **serving("6", f"{steady(100, 30)} {3000}x8 stale"),
            **serving("7", f"_x30 {steady(100, 30)}"),
        },
        "15m",
        rules="serving",
    ),
    Case(
        "nobody asks since the night",
        "JenkinsMLNoData",
        {**ours("7", counter((10, DAY), (0, DAY))), **up("1x3000"), **LOADED},
        "32h",
        [{"reason": "no-requests"}],
        ["No request within 6h; 1d before there were 3600 within that time."],
        **RARELY,
    ),
    Case(
        "few requests, and long pauses",
        "JenkinsMLNoData",
        {**ours("7", hourly(48, 5, 0)[0]), **up("1x3000"), **LOADED},
        "48h",
        **RARELY,
    ),
    Case(
        "a server without a version",
        "JenkinsMLNoData",
        up("1x100"),
        "20m",
        [{"reason": "no-version"}],
        ["Prometheus reaches a server, which tells of no version that it has loaded."],
    ),
    Case(
        "a release that does not end",
        "JenkinsMLCanaryStuck",
        {
            series("jenkins_ml_traffic_weight", version=version): f"{weight}x300"
            for version, weight in (("7", 95), ("8", 5))
        },
        "62m",
        [{}],
        ["2 versions have shared the requests for 1h; a release is decided within 1h."],
    ),
    Case(
        "a release that ends in time",
        "JenkinsMLCanaryStuck",
        {
            series("jenkins_ml_traffic_weight", version="7"): "95x200 0x100",
            series("jenkins_ml_traffic_weight", version="8"): "5x200 100x100",
        },
        "75m",
    ),
    Case(
        "TensorFlow Serving: a release that does not end",
        "JenkinsMLCanaryStuck",
        {**serving("7", steady(95, 600)), **serving("8", steady(5, 600))},
        "125m",
        [{}],
        ["2 versions have shared the requests for 2h; a release is decided within 1h."],
        rules="serving",
    ),
    Case(
        "TensorFlow Serving: a release that ends in time",
        "JenkinsMLCanaryStuck",
        {**serving("7", counter((95, 200), (0, 400))), **serving("8", counter((5, 200), (100, 400)))},
        "150m",
        rules="serving",
    ),
]


def drifted(feature: str, text: str, against: str = "training") -> dict[str, str]:
    """What `monitor` says of a feature."""
    labels = {"version": "7", "feature": feature, "against": against, "job": "jenkins_ml", "stage": "monitor"}
    return {series("jenkins_ml_drift_detected", **labels): text}


def live(metric: str, low: str, high: str) -> dict[str, str]:
    """What `monitor` says of a metric."""
    labels = {"version": "7", "metric": metric, "from_": "labels"}
    return {series("jenkins_ml_live_metric_low", **labels): low, series("jenkins_ml_live_metric_high", **labels): high}


def moved(what: str, count: int, than: str = "training data") -> str:
    """A description."""
    return (
        f"The {what} that version 7 has are no more those of the {than}, by more than chance and `monitor.drift.tolerance` "
        f"explain; distributions that have moved: {count}."
    )


def told(name: str, stage: str, text: str, **labels: str) -> dict[str, str]:
    """What a stage has pushed; training and the gate know no environment."""
    inside = "".join(f',{label}="{value}"' for label, value in labels.items())
    return {
        f'jenkins_ml_stage_last_{name}_timestamp_seconds{{job="jenkins_ml",model="digits",stage="{stage}"{inside}}}': text
    }


TOLD = [
    Case(
        "inputs have moved",
        "JenkinsMLInputDrift",
        {**drifted("x[0]", "0 1x5"), **drifted("x[1]", "0 1x5"), **drifted("x[2]", "0x6")},
        "1m",
        [{"version": "7", "against": "training"}],
        [moved("inputs", 2)],
    ),
    Case(
        "inputs have moved since the version before",
        "JenkinsMLInputDrift",
        drifted("x", "1x5", "stable"),
        "1m",
        [{"version": "7", "against": "stable"}],
        [moved("inputs", 1, "stable version")],
    ),
    Case("inputs have not moved", "JenkinsMLInputDrift", {**drifted("x", "0x9"), **drifted("prediction", "1x9")}, "2m"),
    Case(
        "predictions have moved",
        "JenkinsMLPredictionDrift",
        drifted("prediction", "1x5"),
        "1m",
        [{"version": "7", "against": "training"}],
        [moved("predictions", 1)],
    ),
    Case(
        "predictions have not moved",
        "JenkinsMLPredictionDrift",
        {**drifted("prediction", "0x9"), **drifted("x", "1x9")},
        "2m",
    ),
    Case(
        "accuracy is low, and surely so",
        "JenkinsMLAccuracyLow",
        live("accuracy", "0.8x5", "0.88x5"),
        "1m",
        [{"version": "7", "metric": "accuracy", "from": "labels", "limit": "gate.metrics.accuracy.min"}],
        ["By labels, accuracy of version 7 is at most 0.88; the gate asks for at least 0.9."],
    ),
    Case("accuracy may be high enough", "JenkinsMLAccuracyLow", live("accuracy", "0.8x9", "0.91x9"), "2m"),
    Case(
        "loss is high, and surely so",
        "JenkinsMLAccuracyLow",
        live("loss", "0.45x5", "0.6x5"),
        "1m",
        [{"version": "7", "metric": "loss", "from": "labels", "limit": "gate.metrics.loss.max"}],
        ["By labels, loss of version 7 is at least 0.45; the gate asks for at most 0.4."],
    ),
    Case("loss may be low enough", "JenkinsMLAccuracyLow", live("loss", "0.35x9", "0.6x9"), "2m"),
    Case(
        "no release for long",
        "JenkinsMLReleaseStale",
        {series("jenkins_ml_release_timestamp_seconds", version="7"): "0x2200"},
        "91d",
        [{}],
        ["The last one was 91d 0h 0m 0s ago; `monitor.stale.release` is 90d."],
        **DAILY,
    ),
    Case(
        "a release in time",
        "JenkinsMLReleaseStale",
        {series("jenkins_ml_release_timestamp_seconds", version="7"): f"0x1200 {50 * 86400}x1000"},
        "91d",
        **DAILY,
    ),
    Case(
        "no training for long",
        "JenkinsMLTrainingStale",
        told("success", "train", "0x800"),
        "31d",
        [{}],
        ["The last training that succeeded was 31d 0h 0m 0s ago; `monitor.stale.training` is 30d."],
        **DAILY,
    ),
    Case(
        "a training in time",
        "JenkinsMLTrainingStale",
        told("success", "train", f"0x480 {20 * 86400}x400"),
        "31d",
        **DAILY,
    ),
    Case(
        "training fails four times",
        "JenkinsMLPipelineFailing",
        {**told("failure", "train", "100x10 700x10 1300x10 1900x10"), **told("success", "train", "50x50")},
        "10m",
        [{"stage": "train"}],
        ["3 failures within 1d, and no success since."],
    ),
    Case(
        "a release fails four times",
        "JenkinsMLPipelineFailing",
        told("failure", "serve", "100x10 700x10 1300x10 1900x10", environment="production"),
        "10m",
        [{"stage": "serve"}],
        ["3 failures within 1d, and no success since."],
    ),
    Case(
        "training has failed four times, and succeeds",
        "JenkinsMLPipelineFailing",
        {**told("failure", "train", "100x5 700x5 1300x5 1900x40"), **told("success", "train", "50x15 2000x40")},
        "15m",
    ),
    Case(
        "training has failed twice",
        "JenkinsMLPipelineFailing",
        told("failure", "train", "100x10 700x20 1300x20"),
        "12m",
    ),
]

CASES = [*PAGES, *LATE, *SERVED, *TOLD]
