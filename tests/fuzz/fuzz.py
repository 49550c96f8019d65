"""Fuzz one reader, guided by coverage: python -m tests.fuzz.fuzz TARGET [-runs=1000000 …].

Everything behind the target's name goes to libFuzzer. Seeds, and inputs that reached something new, lie in
`runs/fuzz/TARGET`; a find ends the run, and is written to `tests/fuzz/found`, where the tests read it from.
Loops that numba compiled tell nothing of their branches: NUMBA_DISABLE_JIT=1 has them interpreted, and guide.
"""

from __future__ import annotations

import inspect
import sys
from hashlib import sha256
from pathlib import Path

import atheris

from tests.fuzz.targets import TARGETS, run

ROOT = Path(__file__).parents[2]
FOUND = Path(__file__).with_name("found")
_OPTIONS = ("-max_len=8192", "-timeout=10", "-rss_limit_mb=4096", "-print_final_stats=1")
_FORMAT = tuple(f"hemgs_format.{name}" for name in ("container", "cursor", "header", "metadata", "sections"))
_GUIDES = {
    "container": _FORMAT,
    "table": _FORMAT,
    "metadata": (
        *_FORMAT,
        "hemgs_codec.coding.fields",
        "hemgs_codec.coding.map_reader",
        "hemgs_codec.coding.model_fields",
    ),
    "locations": ("hemgs_codec.location",),
    "ply": ("hemgs_codec.ply", "plyfile"),
    "anchor-ply": ("hemgs_codec.anchors.ply", "hemgs_codec.ply_header", "plyfile"),
    "checkpoint": (
        "hemgs_codec.anchors.checkpoint",
        "hemgs_codec.anchors.states",
        "torch._weights_only_unpickler",
    ),
    "cameras": ("hemgs_codec.cameras", "hemgs_codec.render.camera"),
}
"""How names of modules begin whose branches guide, by target."""
_UNGUIDED = ("_PlyHeaderLines",)
"""Classes that tell nothing: plyfile's reads a byte at a time, and counting each takes most of the time."""


def guide_by(prefixes: tuple[str, ...]) -> None:
    """Count the branches of all functions of loaded modules; compiled ones are left as they are."""
    for module in [module for name, module in sys.modules.items() if name.startswith(prefixes)]:
        classes = [value for value in vars(module).values() if inspect.isclass(value)]
        for owner in (module, *(each for each in classes if each.__name__ not in _UNGUIDED)):
            for member in vars(owner).values():
                if inspect.isfunction(member) and member.__module__ == module.__name__:
                    atheris.instrument_func(member)


def main() -> None:
    """Fuzz the target that the command line names."""
    name, *options = sys.argv[1:]
    seeds = TARGETS[name].seeds()
    for seed in seeds:  # imports what the target uses
        run(name, seed)
    guide_by(_GUIDES[name])
    corpus = ROOT / "runs" / "fuzz" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (corpus / f"seed-{sha256(seed).hexdigest()[:16]}").write_bytes(seed)
    FOUND.mkdir(exist_ok=True)
    arguments = [*_OPTIONS, *options, f"-artifact_prefix={FOUND}/{name}-", str(corpus)]
    atheris.Setup([sys.argv[0], *arguments], lambda data: run(name, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
