"""Files and directories that appear whole or not at all.

Until then they are called ``.NAME.xxxxxxxxxxxx.part``, beside the target. Only a process that is killed, or a
machine that fails, leaves one behind: nothing ever reads it, and who writes NAME next removes it (`parts`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from hemgs_codec.parts import held_part


def check_target(path: Path, *, force: bool = False) -> None:
    """Fail now rather than after minutes of work, if `atomic_write` would refuse.

    Raises
    ------
    OSError
        `FileExistsError` if the target exists and `force` isn't set, `IsADirectoryError` if it is a
        directory, `FileNotFoundError` if its directory doesn't exist, `PermissionError` if that can't be
        written to.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory, expected a file to write")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the directory {path.parent} doesn't exist")
    if path.is_file() and not force:
        raise FileExistsError(f"{path} exists already; --force (force=True) replaces it")
    if path.is_file() or not path.exists():  # a device needs no new file beside it
        _check_writable(path.parent)


@contextmanager
def atomic_write(path: Path, *, force: bool = False) -> Iterator[BinaryIO]:
    """Open a binary file that takes its name only when the block ends well.

    The bytes go to a temporary file beside the target, are flushed to disk, and replace the target by a
    rename. Any exception, an interrupt too, removes the temporary file and leaves the target as it was. A
    symbolic link is followed; a device or pipe is written straight to, since a rename would replace it.

    Parameters
    ----------
    path
        The target.
    force
        Replace a target that exists.

    Raises
    ------
    OSError
        As `check_target`; also if writing fails.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "note.bin"
    >>> with atomic_write(target) as stream:
    ...     _ = stream.write(b"whole")
    >>> target.read_bytes()
    b'whole'
    """
    path = path.resolve()
    check_target(path, force=force)
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            yield stream
        return
    # Not tempfile: its files are private to their owner, while a result gets the user's ordinary permissions.
    with held_part(path, lambda part: part.touch(exist_ok=False)) as part:
        try:
            with part.open("r+b") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            check_target(path, force=force)  # somebody else may have made it meanwhile
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def check_directory_target(path: Path, *, force: bool = False) -> None:
    """Fail now rather than after minutes of work, if `atomic_directory` would refuse.

    Raises
    ------
    OSError
        `FileExistsError` if the target exists and `force` isn't set, `NotADirectoryError` if it exists and is
        no directory, `FileNotFoundError` if its parent doesn't exist, `PermissionError` if that can't be
        written to.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the directory {path.parent} doesn't exist")
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"{path} is a file, expected a directory to write")
    if path.exists() and not force:
        raise FileExistsError(
            f"{path} exists already; --force (force=True) replaces it and all that it holds"
        )
    _check_writable(path.parent)


@contextmanager
def atomic_directory(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Make a directory that takes its name only when the block ends well.

    The block gets a temporary directory beside the target to write into. Its files are flushed to disk, then
    it is renamed. Any exception, an interrupt too, removes it and leaves the target as it was. With ``force``
    a target that exists is set aside, and removed when the new one is in its place: between the two renames
    the name is absent for a moment, never half-written.

    Parameters
    ----------
    path
        The target. A symbolic link is followed.
    force
        Replace a target that exists, with all that it holds.

    Raises
    ------
    OSError
        As `check_directory_target`; also if writing fails.
    """
    path = path.resolve()
    check_directory_target(path, force=force)
    with held_part(path, Path.mkdir) as part:
        try:
            yield part
            for entry in (*part.rglob("*"), part):
                _flush(entry)
            check_directory_target(path, force=force)  # somebody else may have made it meanwhile
            old = part.with_suffix(".old")
            if path.exists():
                path.rename(old)
            try:
                part.rename(path)
            except BaseException:
                if old.exists():
                    old.rename(path)
                raise
            _flush(path.parent)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _check_writable(directory: Path) -> None:
    if not os.access(directory, os.W_OK):
        raise PermissionError(f"the directory {directory} can't be written to")


def _flush(path: Path) -> None:
    """Flush a file or directory to disk, but on Windows, which opens no directories."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
