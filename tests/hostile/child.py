"""A process of its own for hostile files, so that a crash, a hang or an allocation can be seen from outside.

Usage: python -m tests.hostile.child READER ATTACK FIRST STOP [ATTACK FIRST STOP …]. Prints a line for each
case: the attack, its number, seconds of processor time, bytes of memory that it took at its peak, and the
verdict.
"""

from __future__ import annotations

import resource
import signal
import sys
import time
from pathlib import Path

from tests.hostile.attacks import SEALED, TRUNCATED, case, corpus, truncation
from tests.hostile.readers import READERS

MAX_SECONDS = 10
"""Of a case, by the clock; then the process ends, whatever code it is in."""
MAX_BYTES = 1 << 30
"""Of address space beyond what the process has when it starts."""
_STATUS = Path("/proc/self/status")


def _status(key: str) -> int:
    """Return a size of this process in bytes; 0 where the system doesn't tell."""
    if not _STATUS.exists():
        return 0
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) << 10


def _start_peak() -> int:
    """Make the peak that the system keeps the present size, and return it."""
    if _STATUS.exists():
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmHWM")


def main() -> None:
    """Judge cases FIRST .. STOP − 1 of each attack."""
    reader, *jobs = sys.argv[1:]
    for victim, data in corpus().items():  # compile, import and load before anything is measured
        READERS[reader](victim, data, False)
    limit = _status("VmSize") + MAX_BYTES
    if _STATUS.exists():
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for attack, first, stop in zip(jobs[::3], jobs[1::3], jobs[2::3], strict=True):
        for number in range(int(first), int(stop)):
            sys.stdout.write(f"{attack}\t{number}\t{_judge(reader, attack, number)}\n")
            sys.stdout.flush()


def _judge(reader: str, attack: str, number: int) -> str:
    victim, data = truncation(number) if attack == TRUNCATED else case(attack, number)
    signal.alarm(MAX_SECONDS)  # unhandled, it ends the process even within compiled code
    start, before = time.process_time(), _start_peak()
    try:
        verdict = READERS[reader](victim, data, attack in SEALED)
    except Exception as error:  # noqa: BLE001  whatever escapes is a finding
        verdict = f"FINDING {type(error).__name__}: {error}"
    seconds, peak = time.process_time() - start, _status("VmHWM") - before
    signal.alarm(0)
    return f"{seconds:.4f}\t{peak}\t{' '.join(verdict.split())}"


if __name__ == "__main__":
    main()
