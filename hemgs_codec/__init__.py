"""hemgs-codec: a neural codec for 3D Gaussian Splatting scenes.

The public names load on first use, so that ``hemgs info`` starts without torch.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hemgs_codec.version import __version__

if TYPE_CHECKING:
    from hemgs_codec.anchors.encoder import encode_anchors
    from hemgs_codec.anchors.scene import AnchorScene
    from hemgs_codec.decoder import decode, verify
    from hemgs_codec.encoder import encode
    from hemgs_codec.ply import read_ply, write_ply
    from hemgs_codec.scene import GaussianScene

# Before torch starts OpenMP: threads that wait spinning make fits many times slower beside another process,
# and those that sleep at once make them twice as slow alone. A microsecond or so of spinning does for both.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

__all__ = [
    "AnchorScene",
    "GaussianScene",
    "__version__",
    "decode",
    "encode",
    "encode_anchors",
    "read_ply",
    "verify",
    "write_ply",
]

_HOMES = {
    "AnchorScene": "hemgs_codec.anchors.scene",
    "GaussianScene": "hemgs_codec.scene",
    "decode": "hemgs_codec.decoder",
    "encode": "hemgs_codec.encoder",
    "encode_anchors": "hemgs_codec.anchors.encoder",
    "read_ply": "hemgs_codec.ply",
    "verify": "hemgs_codec.decoder",
    "write_ply": "hemgs_codec.ply",
}


def __getattr__(name: str) -> Any:  # a module attribute can be anything
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
