"""Decode files in this process's environment: one hash of all that came out, and one of floats beside it.

    python decode_all.py product|reference [--device DEVICE] [--threads N] [--kind MACHINE] FILE …

Runs in environments that have little else than NumPy, so it imports only the decoder that it is asked for.
Prints a JSON object: ``decoded``, the hash of every array of every file and of its symbols; ``control``,
the hash of a network in ordinary floats, on which machines may disagree; and what the environment is.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import platform
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
ARITHMETIC = {"cpu": "NumPy", "torch:cpu": "torch", "cuda": "torch on CUDA"}
PACKAGES = ("numpy", "numba", "torch", "constriction")


def product(device: str, threads: int) -> Callable[[bytes], dict[str, Any]]:
    """Return the package's decoder."""
    sys.path[:0] = [str(ROOT), str(ROOT / "format")]
    from hemgs_codec.decoder import decode_symbols, reconstruct
    from hemgs_codec.threads import use_threads
    from vectors.found import array_hashes

    def decode(data: bytes) -> dict[str, Any]:
        with use_threads(threads):
            decoded = decode_symbols(data, device=device)
            arrays = array_hashes(reconstruct(decoded))
        return {"symbols_sha256": decoded.fields.symbols_sha256.hex(), "arrays_sha256": arrays}

    return decode


def reference() -> Callable[[bytes], dict[str, Any]]:
    """Return the decoder that was written from SPEC.md."""
    spec = importlib.util.spec_from_file_location(
        "hgs_decode", ROOT / "format" / "reference" / "hgs_decode.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    priors = [path.read_bytes() for path in (ROOT / "hemgs_codec" / "prior" / "shipped").glob("*.hgp")]
    return lambda data: dict(module.summary(module.decode(data, priors)))


def control(device: str) -> str:
    """Hash a network in floats: sums in whatever order, a function that libraries round differently."""
    rng = np.random.default_rng(5)
    x, w = rng.standard_normal((700, 301)), rng.standard_normal((301, 96))
    single, double = x.astype(np.float32) @ w.astype(np.float32), np.tanh(x @ w)
    digest = hashlib.sha256(single.tobytes() + double.tobytes())
    if device != "cpu":
        import torch

        on = [torch.from_numpy(each.astype(np.float32)).to(device.removeprefix("torch:")) for each in (x, w)]
        digest.update((on[0] @ on[1]).cpu().numpy().tobytes())
    return digest.hexdigest()


def installed(name: str) -> str | None:
    """Return the version of a package, None where it isn't there."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def main() -> None:
    """Decode, hash, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("decoder", choices=("product", "reference"))
    parser.add_argument("--device", choices=tuple(ARITHMETIC), default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--kind", default=platform.machine(), help="What to call this machine.")
    parser.add_argument("files", nargs="+", type=Path)
    given = parser.parse_args()
    start = time.perf_counter()
    decode = reference() if given.decoder == "reference" else product(given.device, given.threads)
    digest = hashlib.sha256()
    for path in sorted(given.files, key=lambda path: path.name):
        found = decode(path.read_bytes())
        arrays = sorted(found["arrays_sha256"].items())
        digest.update(json.dumps([path.name, found["symbols_sha256"], arrays]).encode())
    result = {
        "kind": given.kind,
        "decoder": given.decoder,
        "arithmetic": ARITHMETIC[given.device],
        "threads": given.threads,
        "decoded": digest.hexdigest(),
        "control": control(given.device),
        "files": len(given.files),
        "seconds": round(time.perf_counter() - start, 1),
        "processor": platform.machine(),
        "python": platform.python_version(),
        **{name: version for name in PACKAGES if (version := installed(name)) is not None},
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
