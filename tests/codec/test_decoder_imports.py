"""Decoding doesn't wait for what it doesn't need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
