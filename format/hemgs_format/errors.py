"""The one error family of the codec.

Everything that a bad file, a bad scene or a bad option can cause is an `HgsError`; anything else that
escapes is a bug in this project. SPEC.md names, for each rule, which of these a broken file must raise. A
message says what was wrong, where, what was expected and what to do, in lower case.
"""

from __future__ import annotations


class HgsError(ValueError):
    """Bad input of any kind: catch this one to catch them all."""


class NotHgsError(HgsError):
    """The bytes don't start with the magic of an .hgs file."""


class UnsupportedVersionError(HgsError):
    """The file asks for a newer reader: a higher major version, or a critical section that isn't known."""


class TruncatedError(HgsError):
    """The file ends before what its header or section table announces."""


class CorruptError(HgsError):
    """A checksum, a field or a coded value contradicts the format."""


class LimitError(HgsError):
    """A count or size is beyond what the format allows, or beyond what the bytes at hand could hold."""


class SceneError(HgsError):
    """The scene or PLY given as input, or an option for it, can't be used."""
