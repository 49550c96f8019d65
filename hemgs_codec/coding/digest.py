"""The hash of what was coded: how a decoder knows that it decoded what the encoder meant (SPEC "META")."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from hemgs_codec.model.spec import Group
from hemgs_format.metadata import Value, pack_metadata

_CHUNK = 1 << 12


def symbols_digest(
    metadata: dict[str, Value],
    coords: npt.NDArray[np.int64],
    symbols: npt.NDArray[np.int32],
    parts: npt.NDArray[np.int64],
    groups: tuple[Group, ...],
    networks: bytes = b"",
) -> bytes:
    """Return the SHA-256 of all that a scene is made of: metadata, coordinates and symbols.

    Parameters
    ----------
    metadata
        META's map; its ``sha256`` is left out. It says what symbols stand for: the same symbols on another
        lattice or with other scales are another scene.
    coords : (N, 3) int64
        In Morton order; hashed as i64le.
    symbols : (N, C) int32
        By rank; hashed group by group as i32le.
    parts : (N, 3) int64
        Of lattice cells, by rank; hashed as i32le in their group's place.
    networks
        Of an anchor scene, its rendering networks (`NetworkIntegers.tobytes`).
    """
    spelt = pack_metadata({key: v for key, v in metadata.items() if key != "sha256"})
    return digest_of(spelt, coords, symbols, parts, groups, networks)


def digest_of(
    spelt: bytes,
    coords: npt.NDArray[np.int64],
    symbols: npt.NDArray[np.int32],
    parts: npt.NDArray[np.int64],
    groups: tuple[Group, ...],
    networks: bytes,
) -> bytes:
    """Return the same of metadata that are spelt canonically already."""
    digest = hashlib.sha256(spelt)
    digest.update(np.ascontiguousarray(coords, dtype="<i8").data)
    first = 0
    for group in groups:
        part = parts if group.refines_positions else symbols[:, first : first + group.channels]
        for start in range(0, len(part), _CHUNK):  # which stay in a processor's cache
            digest.update(np.ascontiguousarray(part[start : start + _CHUNK], dtype="<i4").data)
        first += group.channels
    digest.update(networks)
    return digest.digest()
