"""Run a command and write what it took to a file: ``python measured.py FILE COMMAND …``.

A process of its own, for Linux counts a parent's memory at the time of the fork towards the child's peak, and
who measures may hold torch. So it imports no more than it needs, and nothing of ours.
"""

import json
import os
import signal
import subprocess
import sys
import time


def main() -> None:
    """Run the command, and write seconds, exit status, peak memory and processor seconds."""
    start = time.perf_counter()
    process = subprocess.Popen(sys.argv[2:])
    signal.signal(signal.SIGTERM, lambda *_: process.kill())
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    figures = [seconds, os.waitstatus_to_exitcode(status), usage.ru_maxrss, usage.ru_utime + usage.ru_stime]
    with open(sys.argv[1], "w", encoding="ascii") as stream:  # noqa: PTH123  pathlib is another import
        json.dump(figures, stream)


if __name__ == "__main__":
    main()
