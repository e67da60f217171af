"""A fake of a process of ours, such as one forked from the warm process: it does what its argument says."""

import os
import subprocess
import sys
import time
from pathlib import Path


def main(argv):
    match argv[0]:
        case "tell":
            print(sys.stdin.read(), os.environ["TOLD"], Path.cwd(), argv[1:])
            print("and this", file=sys.stderr)
        case "exit":
            return int(argv[1])
        case "raise":
            raise ValueError("on purpose")
        case "leave":  # and a process of its own behind
            Path(argv[1]).write_text(str(subprocess.Popen(["sleep", "100"]).pid))
        case "stay":
            Path(argv[1]).write_text(str(os.getpid()))
            time.sleep(100)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
