"""A fake of the process that trains: it hands over, at once, what a real one made before."""

import json
import shutil
from pathlib import Path

from jenkins_ml.steps import train


def install(made: Path) -> None:
    """Let `jenkins-ml train` take the model, the predictions and the result that lie in a folder."""

    def make(project, configuration, staged, report):
        for name in ("model", "predictions"):
            shutil.copytree(made / name, staged / name)
        return json.loads((made / "result.json").read_bytes())

    train._make = make


def keep(store, made: Path) -> None:
    """Make that folder out of version 1 of a store."""
    manifest, _ = store.manifest(1)
    shutil.copytree(store.path(1), made / "model", ignore=shutil.ignore_patterns("manifest.json"))
    predictions = store.predictions(manifest.artefact_digest, manifest.lineage.data_digest)
    (made / "predictions").mkdir()
    shutil.copy(predictions, made / "predictions")
    specs = {
        kind: [
            {"name": spec.name, "dtype": spec.dtype, "shape": list(spec.shape)}
            for spec in getattr(manifest.signature, kind)
        ]
        for kind in ("inputs", "outputs")
    }
    result = {
        "signature": specs,
        "curves": {},
        "data_digest": manifest.lineage.data_digest,
        "count": 64,
        "environment": dict(manifest.lineage.environment),
    }
    (made / "result.json").write_text(json.dumps(result))
