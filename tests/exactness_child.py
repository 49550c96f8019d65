"""Decode one file in this process's environment: by both libraries, with one and two threads.

Usage: exactness_child.py FILE. Prints a JSON object: SHA-256 by library and threads, of what was decoded and,
under ``control``, of the same kind of network in ordinary float32, on which environments should disagree.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from hemgs_codec.decoder import decode_symbols, reconstruct
from hemgs_codec.threads import use_threads
from vectors.found import arrays_of

DEVICES = {"numpy": "cpu", "torch": "torch:cpu"}


def decoded_digest(data: bytes, device: str, threads: int) -> str:
    with use_threads(threads):
        decoded = decode_symbols(data, device=device)
        scene = reconstruct(decoded)
    digest = hashlib.sha256(decoded.coords.tobytes())
    digest.update(decoded.walked.symbols.tobytes())
    digest.update(decoded.walked.values.tobytes())
    for array in arrays_of(scene).values():
        digest.update(array.tobytes())
    return digest.hexdigest()


def control_digest(library: str, threads: int) -> str:
    """Hash a two-layer float32 network's output, its inputs the same everywhere."""
    rng = np.random.default_rng(5)
    x, w, v = (rng.standard_normal(shape).astype(np.float32) for shape in ((700, 301), (301, 96), (96, 40)))
    if library == "numpy":
        y = np.maximum(x @ w, 0) @ v
    else:
        with use_threads(threads):
            y = (torch.relu(torch.from_numpy(x) @ torch.from_numpy(w)) @ torch.from_numpy(v)).numpy()
    return hashlib.sha256(y.tobytes()).hexdigest()


def main() -> None:
    data = Path(sys.argv[1]).read_bytes()
    found: dict[str, dict[str, str]] = {"decoded": {}, "control": {}}
    for library, device in DEVICES.items():
        for threads in (1, 2):
            with threadpool_limits(threads):
                found["decoded"][f"{library}, {threads}"] = decoded_digest(data, device, threads)
                found["control"][f"{library}, {threads}"] = control_digest(library, threads)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
