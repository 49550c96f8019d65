"""What readers make of a hostile file: both decoders' containers, the decoder, both decoders side by side.

A verdict is "refused NAME", "same" (as the victim), "other" (another valid scene), or whatever else happened,
which is a finding.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hemgs_codec import decoder
from hemgs_codec.coding.digest import symbols_digest
from hemgs_codec.decoder import Scene
from hemgs_codec.inspect import describe
from hemgs_codec.prior.library import DEFAULT, FOLDER
from hemgs_codec.sections import KNOWN, split_sections
from hemgs_format.bulk import decompress
from hemgs_format.container import read_container
from hemgs_format.errors import HgsError, SceneError
from hemgs_format.metadata import unpack_metadata
from tests.hostile.attacks import corpus
from tests.mutations import metadata_of, with_metadata
from vectors.found import array_hashes

REFERENCE = Path(__file__).parents[2] / "format" / "reference" / "hgs_decode.py"
MAX_BULK = 1 << 16


@cache
def reference() -> Any:
    """Return the reference decoder as a module."""
    spec = importlib.util.spec_from_file_location("hgs_decode", REFERENCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@cache
def shipped_prior() -> bytes:
    """Return the bytes of the prior that readers have."""
    return (FOLDER / DEFAULT).read_bytes()


def _refusal(error: HgsError) -> str:
    # SceneError is about scenes and options given to an encoder: of a file it would be the wrong answer
    return f"{'FINDING ' if isinstance(error, SceneError) else 'refused '}{type(error).__name__}"


def _read_front(data: bytes) -> dict[str, Any]:
    container = read_container(data, known=KNOWN)
    if container.num_points == 0:
        raise HgsError("no points")
    parts, _ = split_sections(container.sections, container.profile)
    return unpack_metadata(parts["META"])


def _reference_front(data: bytes) -> dict[str, Any]:
    module = reference()
    container = module.read_container(data)
    module.check_sections(container)
    found: dict[str, Any] = module.read_metadata(container.only("META"))
    return found


def _front(data: bytes, read: Callable[[bytes], dict[str, Any]], error_type: type[ValueError]) -> Any:
    try:
        return read(data)
    except error_type as error:
        return error


def containers(victim: str, data: bytes, _mend: bool) -> str:
    """Read header, section table, checksums and metadata with both decoders, which have to agree."""
    for payload in (data, data[-len(data) // 2 :]):
        try:  # no section of this version is zstandard's, so bombs meet it here
            decompress(payload[payload.find(b"\x28\xb5\x2f\xfd") :], max_bytes=MAX_BULK)
        except HgsError as error:
            if isinstance(error, SceneError):
                return _refusal(error)
    product = _front(data, _read_front, HgsError)
    second = _front(data, _reference_front, reference().HgsError)
    if isinstance(product, HgsError) != isinstance(second, ValueError) or (
        isinstance(product, dict) and product != second
    ):
        return f"FINDING decoders disagree: {product!r:.90} / {second!r:.90}"
    if isinstance(product, HgsError):
        return _refusal(product)
    return "same" if product == _read_front(corpus()[victim]) else "other"


class Spy:
    """Stands in the place of the decoder's hash, and remembers what it was."""

    def __init__(self) -> None:
        self.digest: bytes | None = None

    def __call__(self, *arguments: Any) -> bytes:
        """Hash as ever."""
        self.digest = symbols_digest(*arguments)
        return self.digest


def _first_pass(data: bytes) -> tuple[bytes, Scene | HgsError]:
    """Decode with the package; return the file, its hash mended if only that was wrong, and what came out."""
    spy = Spy()
    try:
        with patch.object(decoder, "symbols_digest", spy):
            return data, decoder.decode(data, threads=1)
    except HgsError as error:
        if spy.digest is None or spy.digest == metadata_of(data)["sha256"]:
            return data, error
        return with_metadata(data, sha256=spy.digest), error


def mended(data: bytes) -> bytes:
    """Return a file with the hash of its result made right, where all else is."""
    return _first_pass(data)[0]


def decoded(data: bytes, mend: bool) -> tuple[bytes, Scene | HgsError]:
    """Decode with the package; if wanted, once more with the hash mended, where only that was wrong."""
    changed, found = _first_pass(data)
    return _first_pass(changed) if mend and changed != data else (data, found)


@cache
def _expected(victim: str) -> dict[str, str]:
    return array_hashes(decoder.decode(corpus()[victim], threads=1))


def _verdict(victim: str, found: Scene | HgsError) -> str:
    if isinstance(found, HgsError):
        return _refusal(found)
    return "same" if array_hashes(found) == _expected(victim) else "other"


def whole(victim: str, data: bytes, mend: bool) -> str:
    """Decode with the package; `hemgs info` looks at it as well."""
    try:
        describe(data)
    except HgsError as error:
        if isinstance(error, SceneError):
            return _refusal(error)
    return _verdict(victim, decoded(data, mend)[1])


def both(victim: str, data: bytes, mend: bool) -> str:
    """Decode with the package and with the reference decoder, which have to agree."""
    data, found = decoded(data, mend)
    verdict = _verdict(victim, found)
    module = reference()
    try:
        second = module.summary(module.decode(data, [shipped_prior()]))["arrays_sha256"]
    except module.HgsError as error:
        if isinstance(found, HgsError):
            return verdict
        return f"FINDING only the reference decoder refuses what decodes to {verdict}: {error}"
    if isinstance(found, HgsError):
        return f"FINDING only the reference decoder takes it: {found}"
    return verdict if second == array_hashes(found) else "FINDING decoders disagree about values"


READERS: dict[str, Callable[[str, bytes, bool], str]] = {
    "containers": containers,
    "decoder": whole,
    "both decoders": both,
}
