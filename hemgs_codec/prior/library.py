"""The priors that ship with this package: all that any release had, for files need them (SPEC "Priors")."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from hemgs_codec.prior.prior import Prior, unpack_prior
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
def _by_id(folder: Path) -> dict[bytes, Prior]:
    priors = [load_prior(path) for path in sorted(folder.glob("*.hgp"))]
    return {prior.id: prior for prior in priors}


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
    prior = _known.get(name) or _by_id(FOLDER).get(name)
    if prior is None:
        raise UnsupportedVersionError(
            f"the file needs prior {name.hex()}, which hemgs-codec has since version {since}: update it"
        )
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
