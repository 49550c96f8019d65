"""What a part of an .hgs file was found to hold, for people and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hemgs_codec.partial import Received


def received_fields(received: Received) -> dict[str, Any]:
    """Return what `--json` says of a part of a file."""
    return {
        "whole_bytes": received.file_bytes,
        "verified_bytes": received.verified_bytes,
        "is_verified": received.is_verified,
        "missing_sections": list(received.missing),
        "decoded": received.decoded,
    }


def received_text(received: Received) -> str:
    """Say what was verified, and what is missing."""
    if received.is_verified:
        return "all decoded: checksums and the hash of the symbols are right"
    checked = (
        f"{received.received_bytes:,} of {received.file_bytes:,} bytes, the first "
        f"{received.verified_bytes:,} with checksums that are right; the hash of all symbols can't be checked"
    )
    layers = ", ".join(f"{name} of {count:,}" for name, count in received.decoded.items())
    missing = f"; missing sections: {', '.join(received.missing)}" if received.missing else ""
    return f"{checked}{missing}\ndecoded of {received.num_points:,}: {layers}; the rest is guessed"
