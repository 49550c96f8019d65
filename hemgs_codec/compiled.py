"""How loops are compiled, and what numba's on-disk cache of them depends on.

numba recompiles a cached function when its own file changes, but not when a function or table that it uses
from another file does: an edit elsewhere would leave yesterday's arithmetic running, and with it another
bitstream. So a cached function uses nothing of other files, or it holds a `source_fingerprint` of theirs as a
closure variable, which makes it part of its cache key.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TypeVar, cast

from numba import njit

_F = TypeVar("_F", bound=Callable[..., object])


def compiled(function: _F) -> _F:
    """Compile a loop or a part of one, for callers in the same package."""
    return cast(_F, njit(error_model="numpy")(function))


def cached(function: _F) -> _F:
    """Compile a loop that is called from Python, once per machine."""
    return cast(_F, njit(cache=True, nogil=True, error_model="numpy")(function))


def cached_parallel(function: _F) -> _F:
    """Compile a loop over `numba.prange` that is called from Python, once per machine."""
    return cast(_F, njit(cache=True, nogil=True, parallel=True, error_model="numpy")(function))


def source_fingerprint(folder: Path) -> str:
    """Return the SHA-256 of a folder's Python files, in the order of their names, and of this one."""
    digest = sha256()
    for path in (*sorted(folder.glob("*.py")), Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()
