"""Where a command's bytes come from and go to: files, or - for standard input and output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import click

DASH = "-"


def read_bytes(source: str) -> bytes:
    """Return the whole of a file, or of standard input."""
    if source == DASH:
        return sys.stdin.buffer.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:  # of reading, it doesn't know the name
        raise OSError(error.errno, error.strerror, source) from error


def default_output(source: str, suffix: str) -> str:
    """Name the output after the input, beside it; standard input goes to standard output."""
    return DASH if source == DASH else str(Path(source).with_suffix(suffix))


def check_output(output: str, *, source: str, force: bool) -> None:
    """Refuse, before any work, an output that can't or mustn't be written."""
    from hemgs_codec.atomic import check_target

    if output == DASH:
        if sys.stdout.isatty():
            raise click.UsageError("standard output is a terminal; name a file with -o, or redirect it")
        return
    if source != DASH and Path(output).exists() and Path(output).samefile(source):
        raise click.UsageError(f"{output} is the input; name another file with -o")
    check_target(Path(output), force=force)


def check_folder(output: str, *, source: str, force: bool) -> None:
    """Refuse, before any work, a folder that can't or mustn't be written; an empty one may be."""
    from hemgs_codec.atomic import check_directory_target

    if output == DASH:
        raise click.UsageError("a folder can't go to standard output; name one with -o")
    path = Path(output)
    if path.exists() and source != DASH and path.samefile(source):
        raise click.UsageError(f"{output} is the input; name a folder with -o")
    check_directory_target(path, force=force or (path.is_dir() and not any(path.iterdir())))


def write_folder(output: str, write: Callable[[Path], Path]) -> Path:
    """Have a folder written, whole or not at all where it is new; return what was written in it.

    Into a folder that exists ``write`` writes itself, and has to care that nothing is left half done.
    """
    from hemgs_codec.atomic import atomic_directory

    path = Path(output)
    if path.is_dir():
        return write(path)
    with atomic_directory(path) as part:
        inner = write(part).relative_to(part)
    return path / inner


def write_output(output: str, write: Callable[[BinaryIO], object], *, force: bool) -> None:
    """Have the output written whole or not at all."""
    from hemgs_codec.atomic import atomic_write

    if output == DASH:
        write(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    with atomic_write(Path(output), force=force) as stream:
        write(stream)


def echo_json(value: dict[str, Any], *, output: str | None = None) -> None:
    """Print one JSON object: on standard output, or on standard error where that carries the data."""
    click.echo(json.dumps(value, ensure_ascii=False), err=output == DASH)
