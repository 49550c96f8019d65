"""Encode the bundled scene, decode it in another process, verify it, and print a small table.

Each step is the `hemgs` command in a process of its own: only the .hgs file passes from one to the next.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
SCENE = ROOT / "examples" / "chair.ply"
BUILD = ROOT / "build"
HGS = BUILD / "chair.hgs"
DECODED = BUILD / "chair.ply"


def hemgs(*arguments: str | Path) -> str:
    """Run one `hemgs` command and return its standard output; its progress goes to our standard error."""
    shown = [str(Path(a).relative_to(ROOT)) if isinstance(a, Path) else a for a in arguments]
    print("$ hemgs", *shown, flush=True)
    command = [sys.executable, "-m", "hemgs_cli", *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def main() -> None:
    """Run the four commands and print what they report."""
    BUILD.mkdir(exist_ok=True)
    encoded: dict[str, Any] = json.loads(hemgs("encode", SCENE, "-o", HGS, "--force", "--json"))
    decoded: dict[str, Any] = json.loads(hemgs("decode", HGS, "-o", DECODED, "--force", "--json"))
    info: dict[str, Any] = json.loads(hemgs("info", HGS, "--json"))
    print(hemgs("verify", HGS), end="")

    original = SCENE.stat().st_size
    size = HGS.stat().st_size
    table = Table("examples/chair.ply", show_footer=False)
    table.add_column("", justify="right")
    rows = {
        "Gaussians": f"{info['num_gaussians']:,}",
        "original bytes": f"{original:,}",
        ".hgs bytes": f"{size:,}",
        "ratio": f"{original / size:.1f}",
        "bits per Gaussian": f"{info['bits_per_gaussian']:.1f}",
        "encode, s": f"{encoded['seconds']:.1f}",
        "decode, s": f"{decoded['seconds']:.1f}",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    table.add_section()
    for section in info["sections"]:
        table.add_row(f"{section['name']}, bytes", f"{section['bytes']:,}")
    Console().print(table)


if __name__ == "__main__":
    main()
