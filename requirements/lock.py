"""Pin requirements/*.in with hashes for every supported Python and platform: `make locks`. Needs uv on PATH."""

import subprocess
from pathlib import Path

HERE = Path(__file__).parent
COMMON = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate"]
# No address of a package index may get into these files.
COMMON += ["--no-emit-index-url", "--no-emit-find-links", "--override", str(HERE / "overrides.in")]
# What the benchmarks measure beside ours, each in an environment of its own.
PEERS = ("jjb", "peers-alibi", "peers-evidently", "peers-mlflow", "peers-nannyml", "peers-scipy", "peers-tfma")

for name, constraint in (("demo", None), ("dev", "demo"), *((name, None) for name in PEERS)):
    extra = ["-c", str(HERE / f"{constraint}.txt")] if constraint else []
    target = str(HERE / f"{name}.txt")
    subprocess.run(
        ["uv", "pip", "compile", "--quiet", *COMMON, *extra, str(HERE / f"{name}.in"), "-o", target], check=True
    )
