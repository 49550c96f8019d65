"""What an .hgs file holds, without decoding it: no torch, no numba."""

from __future__ import annotations

from typing import Any

from hemgs_codec.profile_names import LAYERS
from hemgs_codec.sections import KNOWN, split_sections
from hemgs_format.container import layout, read_container
from hemgs_format.errors import CorruptError
from hemgs_format.metadata import unpack_metadata

_NAMES = {
    "header": "header",
    "table": "section table",
    "META": "metadata",
    "LOCS": "locations",
    "NETS": "networks",
    "HASH": "hash grid",
    "MLPS": "rendering networks",
}


def describe(data: bytes | memoryview) -> dict[str, Any]:
    """Describe a file.

    Returns
    -------
    dict
        ``file_bytes``, ``profile``, ``num_gaussians`` (of the input), ``num_coded``,
        ``bits_per_gaussian``, ``lambda``, ``symbols_sha256``, and ``sections``: a list of
        ``{id, name, bytes}`` in file order whose bytes sum to the file. Of an anchor file ``num_anchors`` and
        ``bits_per_anchor``.

    Raises
    ------
    HgsError
        Structure or checksums are wrong.
    """
    container = read_container(data, known=KNOWN)
    parts, _ = split_sections(container.sections, container.profile)
    fields: dict[str, Any] = unpack_metadata(parts["META"])
    lambda_q, digest = fields.get("lambda"), fields.get("sha256")
    if not isinstance(lambda_q, int) or not -(1 << 13) < lambda_q < 0 or not isinstance(digest, bytes):
        raise CorruptError('metadata: "lambda" or "sha256" is missing or of the wrong kind')
    sizes: dict[str, int] = {}
    for extent in layout(data):
        sizes[extent.id] = sizes.get(extent.id, 0) + extent.size
    size, point = len(data), container.profile
    names = _NAMES | {f"RUN{i}": name for i, name in enumerate(LAYERS[container.profile])}
    return {
        "file_bytes": size,
        "profile": container.profile,
        f"num_{point}s": container.num_input,
        "num_coded": container.num_points,
        f"bits_per_{point}": 8 * size / max(container.num_input, 1),
        "lambda": 2.0 ** (lambda_q / 256),
        "symbols_sha256": digest.hex(),
        "sections": [
            {"id": k, "name": names.get(k, "unknown, skippable"), "bytes": v} for k, v in sizes.items()
        ],
    }
