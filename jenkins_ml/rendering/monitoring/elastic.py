"""What brings the logs for machines into Elasticsearch: index template, ingest pipeline, Filebeat, Logstash, Kibana.

Filebeat sends each line as it stands in the file, and the pipeline reads it: in one place, whoever ships, and a line that
cannot be read is kept as it is. All but the folder is the same for every model, so that one Elasticsearch has all of them.
Made for Elasticsearch 7.10 and later, without data streams and lifecycle policies.
"""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any, Final

from jenkins_ml import __version__
from jenkins_ml.config.model import Config
from jenkins_ml.core import ecs
from jenkins_ml.rendering.kubernetes.text import text
from jenkins_ml.rendering.monitoring.kibana import saved_objects

FOLDER: Final = "monitoring/elastic"
NAME: Final = "jenkins-ml"  # of the template and the pipeline
PATTERN: Final = f"{NAME}-*"  # of the indices: one a day, so that old ones are removed whole
UNREADABLE: Final = f"{NAME}-unreadable"  # index of the lines that the pipeline could not read
REFUSED: Final = f"{NAME}-refused"  # index of those that Elasticsearch did not take, where the shipper can do that
_LONGEST_WORD: Final = ecs.LONGEST_WORD
# Where a line lies while the pipeline works on it: a name that no line has.
_LINE: Final = "jenkins_ml_line"
_BEATS_PORT: Final = 5044
# Elasticsearch refuses a document with an object where a word is to be, or a word where an object is: what is refused would
# be lost. `fields`: the path of each field.
_SHAPE: Final = """\
for (def path : params.fields) {
  def place = ctx;
  for (int i = 0; i < path.size() && place != null; i++) {
    if (!(place instanceof Map)) {
      throw new IllegalArgumentException(path[i - 1] + " is no object");
    }
    place = place[path[i]];
  }
  if (place instanceof Map || (place instanceof List && place.stream().anyMatch(each -> each instanceof Map))) {
    throw new IllegalArgumentException(String.join(".", path) + " is an object");
  }
}
if (ctx.labels != null) {
  if (!(ctx.labels instanceof Map)) {
    throw new IllegalArgumentException("labels is no object");
  }
  for (def label : ctx.labels.values()) {
    if (label instanceof Map || label instanceof List) {
      throw new IllegalArgumentException("a label is no word");
    }
  }
}
"""


def files(config: Config) -> dict[str, str]:
    """The files, by name relative to jenkins-ml.yaml; none without `monitor.logs`.

    Addresses and secrets stand in variables of the environment of Filebeat and Logstash: ELASTICSEARCH_HOSTS,
    ELASTICSEARCH_API_KEY; JENKINS_ML_LOGS where `monitor.logs.directory` is relative.
    """
    if config.monitor is None or config.monitor.logs is None:
        return {}
    return {
        f"{FOLDER}/index-template.json": _json(index_template()),
        f"{FOLDER}/pipeline.json": _json(pipeline()),
        f"{FOLDER}/filebeat.yml": _MADE + text(filebeat(config.monitor.logs.directory)),
        f"{FOLDER}/logstash.conf": _MADE + _LOGSTASH,
        f"{FOLDER}/kibana.ndjson": saved_objects(PATTERN),
    }


def index_template() -> dict[str, Any]:
    """For PUT _index_template/jenkins-ml: our fields with their types, and words for all that others add."""
    words = {"type": "keyword", "ignore_above": _LONGEST_WORD}
    properties: dict[str, Any] = {}
    for name, kind in ecs.FIELDS.items():
        mapped: dict[str, Any] = words if kind == "keyword" else {"type": kind}
        if name == "error.stack_trace":
            mapped = {"type": "keyword", "index": False, "doc_values": False}  # to be read, not looked for
        _put(properties, name, mapped)
    _put(properties, "event.ingested", {"type": "date"})
    _put(properties, "labels", {"type": "object"})
    return {
        "index_patterns": [PATTERN],
        "priority": 200,
        "template": {
            "settings": {
                "number_of_shards": 1,
                "codec": "best_compression",
                # A number or a time that is none is left out, and the rest of its line is found.
                "mapping.ignore_malformed": True,
            },
            "mappings": {
                "date_detection": False,
                "dynamic_templates": [{"texts": {"match_mapping_type": "string", "mapping": words}}],
                "properties": properties,
            },
        },
        "_meta": {"made_by": f"jenkins-ml {__version__}", "ecs_version": ecs.VERSION},
    }


def pipeline() -> dict[str, Any]:
    """For PUT _ingest/pipeline/jenkins-ml: a line becomes a document in the index of its day; none is lost.

    One that cannot be read is kept as its `message`, in an index of its own, with `event.kind` "pipeline_error".
    """
    ours = sorted(
        {name.partition(".")[0] for name in ecs.FIELDS} | {"labels", "log.level", "log.logger", "ecs.version"}
    )
    return {
        "description": "Lines of jenkins-ml in Elastic Common Schema",
        "processors": [
            {"rename": {"field": "message", "target_field": _LINE}},
            # Of the shipper, where ours is to be.
            {"remove": {"field": "ecs", "ignore_missing": True}},
            {"json": {"field": _LINE, "add_to_root": True}},
            *({"dot_expander": {"field": name}} for name in ("log.level", "log.logger", "ecs.version")),
            {"script": {"source": _SHAPE, "params": {"fields": [name.split(".") for name in ecs.FIELDS]}}},
            {"date": {"field": "@timestamp", "formats": ["ISO8601"]}},
            {"set": {"field": "event.ingested", "value": "{{_ingest.timestamp}}"}},
            {
                "date_index_name": {
                    "field": "@timestamp",
                    "index_name_prefix": PATTERN.removesuffix("*"),
                    "index_name_format": "yyyy.MM.dd",
                    "date_rounding": "d",
                    "date_formats": ["ISO8601"],
                }
            },
            {"remove": {"field": _LINE}},
        ],
        "on_failure": [
            # What could be read of it may be in the way of what follows.
            {"remove": {"field": [name for name in ours if name != "log"], "ignore_missing": True}},
            {"rename": {"field": _LINE, "target_field": "message", "ignore_missing": True}},
            {"set": {"field": "@timestamp", "value": "{{_ingest.timestamp}}"}},
            {"set": {"field": "event.kind", "value": "pipeline_error"}},
            {"set": {"field": "event.ingested", "value": "{{_ingest.timestamp}}"}},
            {"set": {"field": "error.type", "value": "{{_ingest.on_failure_processor_type}}"}},
            {"set": {"field": "error.message", "value": "{{_ingest.on_failure_message}}"}},
            {"set": {"field": "_index", "value": UNREADABLE}},
        ],
    }


def filebeat(directory: str) -> dict[str, Any]:
    """filebeat.yml of an agent.

    Args:
        directory: `monitor.logs.directory`.
    """
    folder = directory if PurePath(directory).is_absolute() else "${JENKINS_ML_LOGS}"
    return {
        "filebeat.inputs": [
            {
                "type": "filestream",
                "id": NAME,
                # Full files are renamed: the rest of theirs is still read.
                "paths": [f"{folder}/*.ndjson", f"{folder}/*.ndjson.*"],
            }
        ],
        "output.elasticsearch": {
            "hosts": ["${ELASTICSEARCH_HOSTS}"],
            "api_key": "${ELASTICSEARCH_API_KEY}",
            "pipeline": NAME,
            "index": f"{NAME}-%{{+yyyy.MM.dd}}",  # the pipeline takes the day of the line in its place
            "non_indexable_policy.dead_letter_index.index": REFUSED,
        },
        "setup.template.enabled": False,
        "setup.ilm.enabled": False,
    }


_MADE: Final = f"# Made by jenkins-ml {__version__} from jenkins-ml.yaml: what is edited here stays, and is merged.\n"
_LOGSTASH: Final = f"""\
# Between Filebeat and Elasticsearch, where there is a Logstash: then Filebeat has output.logstash in place of
# output.elasticsearch. Lines go on as they are; the ingest pipeline reads them.
input {{
  beats {{
    port => {_BEATS_PORT}
  }}
}}
output {{
  elasticsearch {{
    hosts => ["${{ELASTICSEARCH_HOSTS}}"]
    api_key => "${{ELASTICSEARCH_API_KEY}}"
    pipeline => "{NAME}"
    index => "{NAME}-%{{+yyyy.MM.dd}}"
    manage_template => false
    ilm_enabled => false
  }}
}}
"""


def _put(properties: dict[str, Any], name: str, mapped: dict[str, Any]) -> None:
    *path, last = name.split(".")
    for part in path:
        properties = properties.setdefault(part, {"properties": {}})["properties"]
    properties[last] = mapped


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
