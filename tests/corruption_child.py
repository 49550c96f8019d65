"""A process of its own for bad files: so that a crash, a hang or a giant allocation can be seen from outside.

Usage: corruption_child.py FILE KIND COUNT. Prints one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import numpy as np

from hemgs_codec.decoder import Scene, decode
from hemgs_codec.inspect import describe
from hemgs_format.errors import HgsError
from tests import mutations
from vectors.found import arrays_of

LIMIT_S = 5


def mutants(data: bytes, kind: str, count: int) -> Iterator[tuple[str, bytes]]:
    rng = np.random.default_rng(20260)
    if kind == "truncated":
        for length in range(len(data)):
            yield f"{length} bytes", data[:length]
    elif kind == "metadata":
        yield from mutations.metadata_mutations(data)
    else:
        damage = mutations.damaged_bytes if kind == "bytes" else mutations.damaged_file
        for number in range(count):
            yield f"{kind} {number}", damage(rng, data)


def scene_bytes(scene: Scene) -> bytes:
    return b"".join(array.tobytes() for array in arrays_of(scene).values())


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def ring(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"took over {LIMIT_S} s")


def outcome(data: bytes, expected: bytes) -> str:
    """Return the error's name, or "same"; anything else is a finding."""
    with contextlib.suppress(HgsError):
        describe(data)
    try:
        scene = decode(data, threads=1)
    except HgsError as error:
        return type(error).__name__
    return "same" if scene_bytes(scene) == expected else "WRONG SCENE"


def main() -> None:
    path, kind, count = sys.argv[1:]
    data = Path(path).read_bytes()
    expected = scene_bytes(decode(data, threads=1))
    signal.signal(signal.SIGALRM, ring)
    before, slowest = peak_bytes(), 0.0
    outcomes: Counter[str] = Counter()
    findings = []
    for name, mutant in mutants(data, kind, int(count)):
        start = time.perf_counter()
        signal.alarm(LIMIT_S)
        try:
            result = outcome(mutant, expected)
        except Exception as error:  # noqa: BLE001  whatever escapes is a finding
            result = f"{type(error).__name__}: {error}"
        signal.alarm(0)
        slowest = max(slowest, time.perf_counter() - start)
        outcomes[result] += 1
        is_known = result == "same" or result.endswith("Error")
        if not is_known:
            findings.append(f"{name}: {result}")
    report = {
        "outcomes": outcomes,
        "findings": findings,
        "slowest_s": slowest,
        "allocated_bytes": peak_bytes() - before,
    }
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main()
