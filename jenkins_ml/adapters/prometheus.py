"""What a Prometheus server knows now: instant queries through its HTTP API."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlencode

from jenkins_ml.adapters.files import translated
from jenkins_ml.adapters.web import Answer, NoAnswer, exchange
from jenkins_ml.errors import Unavailable, UsageError
from jenkins_ml.reporting.text import one_line

if TYPE_CHECKING:
    from jenkins_ml.config.monitor import Prometheus as Settings

QUERY_SECONDS: Final = 10.0
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,8192}")


@dataclass(frozen=True)
class Sample:
    """One number of an answer.

    Args:
        labels: of its series; "__name__" where the query kept it.
        value: may be NaN or infinite, as PromQL has it.
        at: the time that it is of, in seconds since 1970.
    """

    labels: Mapping[str, str]
    value: float
    at: float = 0.0


@dataclass(frozen=True)
class Prometheus:
    """A server. For any thread; nothing is kept between two queries.

    Args:
        url: its address, such as "http://prometheus:9090"; what stands before /api.
        token_file: a file with the bearer token that it asks for, read at each query; None for none.
        seconds: for one query.
    """

    url: str
    token_file: Path | None = None
    seconds: float = QUERY_SECONDS

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The one of the configuration."""
        return cls(settings.url.rstrip("/"), Path(settings.token_file) if settings.token_file else None)

    def query(self, expression: str) -> tuple[Sample, ...]:
        """The value of an expression now, one sample for each of its series; a scalar is one without labels.

        Raises:
            Unavailable: no answer in time, no whole one, or not one of Prometheus: worth a retry.
            UsageError: it does not let us in, or cannot evaluate the expression.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded", **self._authorization()}
        body = urlencode({"query": expression, "timeout": f"{self.seconds:g}s"}).encode()
        try:
            answer = exchange("POST", f"{self.url}/api/v1/query", seconds=self.seconds, headers=headers, body=body)
        except NoAnswer as error:
            raise Unavailable(f"Prometheus at {self.url} does not answer: {error}", _LOOK) from error
        return self._samples(self._data(answer, expression))

    def _authorization(self) -> dict[str, str]:
        if self.token_file is None:
            return {}
        with translated("reading monitor.prometheus.token_file"):
            token = self.token_file.read_text("utf-8", "replace").strip()
        if _TOKEN.fullmatch(token) is None:
            raise UsageError(f"{self.token_file} does not hold a bearer token", "write the token into it, in one line")
        return {"Authorization": f"Bearer {token}"}

    def _data(self, answer: Answer, expression: str) -> Any:
        """What a good answer says."""
        try:
            value = json.loads(answer.body)
        except (ValueError, RecursionError):
            value = None
        said = one_line(str(value["error"]), 300) if isinstance(value, dict) and "error" in value else ""
        if answer.status in (401, 403):
            raise UsageError(
                f"Prometheus at {self.url} does not let us in ({answer.status})", "set monitor.prometheus.token_file"
            )
        if answer.status in (400, 422) and said:
            raise UsageError(f"Prometheus at {self.url} cannot evaluate {expression}: {said}")
        if answer.status != 200 or not isinstance(value, dict) or value.get("status") != "success":
            raise Unavailable(f"Prometheus at {self.url} answers {answer.status}: {said or answer.text}", _LOOK)
        if value.get("warnings"):
            # One of several stores behind it did not answer: half of the numbers would look like few requests.
            warned = one_line("; ".join(map(str, value["warnings"])), 300)
            raise Unavailable(f"Prometheus at {self.url} answers only in part: {warned}", _LOOK)
        return value.get("data")

    def _samples(self, data: Any) -> tuple[Sample, ...]:
        try:
            kind, result = data["resultType"], data["result"]
            if kind == "scalar":
                return (_sample({}, result),)
            if kind == "vector":
                return tuple(_sample(item["metric"], item["value"]) for item in result)
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable(f"what answers at {self.url} is not the API of Prometheus", _LOOK) from error
        raise UsageError(f"Prometheus at {self.url} answered a {kind}, not samples of one moment")


_LOOK: Final = "see that it runs, and that monitor.prometheus.url is its address"


def _sample(labels: Any, value: Any) -> Sample:
    at, text = value
    if not isinstance(labels, dict) or not all(isinstance(each, str) for each in labels.values()):
        raise TypeError(labels)
    return Sample(labels, float(text), float(at))
