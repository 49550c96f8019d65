"""Decoding, and encoding without a fit, don't wait for what they don't need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hemgs_codec import write_ply
from hemgs_codec.scene import GaussianScene
from tests.small import crop

VECTOR = Path(__file__).parents[2] / "format" / "vectors" / "valid" / "sh3-permuted.hgs"
CODE = """
import sys
import hemgs_codec
scene = hemgs_codec.decode(open(sys.argv[1], "rb").read())
print(scene.num_gaussians, *({"torch", "constriction"} & set(sys.modules)))
"""


def test_a_scene_is_decoded_without_torch_and_constriction() -> None:
    """Importing torch takes longer than decoding a small scene; constriction isn't there on every machine."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(VECTOR)], capture_output=True, text=True, check=True, timeout=300
    )
    count, *imported = done.stdout.split()
    assert int(count) > 0
    assert not imported


ENCODE = """
import sys
import hemgs_codec
scene = hemgs_codec.read_ply(sys.argv[1])
data = hemgs_codec.encode(scene, effort=0, weights="analytic", cache=False)
print(len(data), *({"torch"} & set(sys.modules)))
"""


def test_a_scene_is_encoded_without_torch_where_nothing_is_fitted(
    chair: GaussianScene, tmp_path: Path
) -> None:
    part = tmp_path / "part.ply"
    write_ply(crop(chair, 300), part)
    done = subprocess.run(
        [sys.executable, "-c", ENCODE, str(part)], capture_output=True, text=True, check=True, timeout=300
    )
    size, *imported = done.stdout.split()
    assert int(size) > 0
    assert not imported
