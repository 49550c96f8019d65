"""The location stream: where a scene's points are, as an adaptively coded octree (SPEC: "Locations")."""

from __future__ import annotations

from hemgs_codec.location.codec import MAX_POINTS, POINTS_PER_BYTE, decode_locations, encode_locations
from hemgs_codec.location.morton import MAX_BITS, morton_decode, morton_encode, morton_sort

__all__ = [
    "MAX_BITS",
    "MAX_POINTS",
    "POINTS_PER_BYTE",
    "decode_locations",
    "encode_locations",
    "morton_decode",
    "morton_encode",
    "morton_sort",
]
