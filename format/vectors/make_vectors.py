"""Write the conformance files and the worked example of SPEC.md. Nothing else writes them.

    python format/vectors/make_vectors.py

Running it blesses the format as the code has it now: look at the difference, and let the commit say why.
Vectors of a released version are never rewritten.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hemgs_codec.decoder import decode
from hemgs_codec.inspect import describe
from hemgs_codec.sections import KNOWN, split_sections
from hemgs_format.container import read_container
from hemgs_format.errors import HgsError
from hemgs_format.metadata import unpack_metadata
from vectors.anchor_breakages import ANCHORS
from vectors.breakages import CONSTANT, PLAIN, Breakage
from vectors.example_text import BEGIN, END, example_text
from vectors.found import array_hashes, facts
from vectors.prior_breakages import PRIORS
from vectors.stream_breakages import STREAMS
from vectors.valid_files import valid_files

FOLDER = Path(__file__).parent
SPEC = FOLDER.parents[1] / "SPEC.md"

BREAKAGES: dict[str, tuple[Breakage, ...]] = {
    "worked-example": PLAIN,
    "one-gaussian": CONSTANT,
    "anchors": (*ANCHORS, *STREAMS),
    "prior-differences": PRIORS,
}
"""What is broken, by the valid file that it is done to."""


def expected(data: bytes, shows: str) -> dict[str, Any]:
    """Return what a reader must find in a valid file."""
    described = describe(data)
    scene = decode(data, threads=1)
    found = facts(scene)
    first = {name: found.pop(name) for name in list(found) if name.startswith("first_")}
    return {
        "shows": shows,
        "bytes": len(data),
        **found,
        "sections": {part["id"]: part["bytes"] for part in described["sections"]},
        "symbols_sha256": described["symbols_sha256"],
        "arrays_sha256": array_hashes(scene),
        **first,
    }


def broken(breakage: Breakage, data: bytes) -> tuple[bytes, dict[str, str]]:
    """Return a broken file and what is expected of it; a breakage that breaks nothing is an error here."""
    result = breakage.apply(data)
    try:
        decode(result, threads=1)
    except HgsError as error:
        if type(error) is not breakage.error:
            raise AssertionError(
                f"{breakage.name}: {type(error).__name__}, expected {breakage.error.__name__}"
            ) from error
    else:
        raise AssertionError(f"{breakage.name} decodes")
    return result, {
        "error": breakage.error.__name__,
        "rule": breakage.rule,
        "class": conformance_class(result),
    }


def conformance_class(data: bytes) -> str:
    """Return the class of the readers that find what is wrong with a file (SPEC "Conformance")."""
    try:
        container = read_container(data, known=KNOWN)
        if container.num_points == 0:
            return "container"
        parts, _ = split_sections(container.sections, container.profile)
        unpack_metadata(parts["META"])
    except HgsError:
        return "container"
    return container.profile


def spec_with_example(text: str, data: bytes) -> str:
    """Return SPEC.md's text with the worked example written anew."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return head + example_text(data) + tail


def _write(folder: Path, files: dict[str, tuple[bytes, dict[str, Any]]]) -> None:
    """Make a folder hold these files and no others."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, (data, values) in files.items():
        (folder / f"{name}.hgs").write_bytes(data)
        (folder / f"{name}.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Write everything."""
    valid = valid_files()
    example = valid["worked-example"][1]
    _write(FOLDER / "valid", {name: (data, expected(data, shows)) for name, (shows, data) in valid.items()})
    invalid = {
        b.name: broken(b, valid[whole][1]) for whole, breakages in BREAKAGES.items() for b in breakages
    }
    _write(FOLDER / "invalid", invalid)
    SPEC.write_text(spec_with_example(SPEC.read_text(encoding="utf-8"), example), encoding="utf-8")
    for name, (_, data) in valid.items():
        print(f"{name}: {len(data)} bytes")
    print(f"{len(invalid)} invalid files")


if __name__ == "__main__":
    main()
