"""Temporary files and directories beside a target, and what killed processes left of such.

One is called ``.NAME.xxxxxxxxxxxx.part`` and locked (``flock``) as long as its writer lives: the system lets
go of the lock of a process that is gone, however it went. So who writes NAME next removes those that it can
lock. Four of the x's are the machine's, for over a network the locks of others may not be seen. On Windows,
which has no such locks, leftovers stay.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

_MACHINE = hashlib.sha256(platform.node().encode()).hexdigest()[:4]


@contextmanager
def held_part(target: Path, make: Callable[[Path], object]) -> Iterator[Path]:
    """Make a temporary file or directory beside a target, and hold its lock until the block ends.

    What earlier writers of this target left is removed first; what this one leaves is the caller's to remove.

    Parameters
    ----------
    make
        Makes it; `FileExistsError` if there is one.
    """
    remove_leftovers(target)
    while True:
        part = target.with_name(f".{target.name}.{_MACHINE}{secrets.token_hex(4)}.part")
        make(part)
        lock = _lock(part, wait=True)
        if part.exists():
            break
        _release(lock)  # somebody took it for a leftover, before it was locked
    try:
        yield part
    finally:
        _release(lock)


def remove_leftovers(target: Path) -> None:
    """Remove temporary files and directories of a target, as far as that can be, whose writers are gone."""
    own = re.compile(rf"\.{re.escape(target.name)}\.{_MACHINE}[0-9a-f]{{8}}\.part")
    with suppress(OSError):
        for part in [path for path in target.parent.iterdir() if own.fullmatch(path.name)]:
            lock = _lock(part, wait=False)
            if lock is None:
                continue
            with suppress(OSError):
                if part.is_dir():
                    shutil.rmtree(part)
                else:
                    part.unlink()
            _release(lock)


def _lock(part: Path, *, wait: bool) -> int | None:
    """Return a descriptor that holds the lock; None where another has it, or where there are no locks."""
    if fcntl is None:
        return None
    try:
        kind = part.lstat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            return None
        # file systems over networks lock for writing only what is open for it, which a directory can't be
        access = os.O_RDONLY if stat.S_ISDIR(kind) else os.O_RDWR
        descriptor = os.open(part, access | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _release(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)
