"""The priors that ship with this package: all that any release had, for files need them (SPEC "Priors")."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from hemgs_codec.prior.prior import ID_BYTES, Prior, unpack_prior
from hemgs_codec.shapes import Shape
from hemgs_format.errors import CorruptError, UnsupportedVersionError

FOLDER = Path(__file__).parent / "shipped"
DEFAULT = "gaussian-1.hgp"
"""Name of the prior that encoders use unless told otherwise."""


@cache
def load_prior(path: Path) -> Prior:
    """Read a prior's file.

    Raises
    ------
    HgsError
        It isn't one.
    """
    return unpack_prior(path.read_bytes())


@cache
def _by_id(folder: Path) -> dict[bytes, Path]:
    files = sorted(folder.glob("*.hgp"))
    return {hashlib.sha256(path.read_bytes()).digest()[:ID_BYTES]: path for path in files}


_known: dict[bytes, Prior] = {}


def register(prior: Prior) -> None:
    """Let files of this process name a prior that doesn't ship: an encoder was given one."""
    _known[prior.id] = prior


def find_prior(name: bytes, since: str) -> Prior:
    """Return the prior that a file names, by id and the version that first had it.

    Raises
    ------
    UnsupportedVersionError
        It isn't in this version of the package.
    CorruptError
        It is, but since another version.
    """
    if name in _known:
        return _known[name]
    path = _by_id(FOLDER).get(name)
    if path is None:
        raise UnsupportedVersionError(
            f"the file needs prior {name.hex()}, which hemgs-codec has since version {since}: update it"
        )
    prior = load_prior(path)
    if prior.since != since:
        raise CorruptError(f"metadata: prior {name.hex()} is since version {prior.since}, not {since}")
    return prior


def default_prior(shape: Shape) -> Prior | None:
    """Return the prior that scenes of this kind are encoded with, None where there is none."""
    path = FOLDER / DEFAULT
    if not path.is_file():
        return None
    prior = load_prior(path)
    return prior if prior.suits(shape) else None
