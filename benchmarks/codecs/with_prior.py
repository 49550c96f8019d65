"""`hemgs` with another prior than it ships: `python -m benchmarks.codecs.with_prior FILE.hgp encode …`.

The shipped prior has seen the scenes that benchmarks are about. Each is coded with the prior of its fold
instead, which hasn't, and is as large.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hemgs_cli.main import main
from hemgs_codec.prior import library


def run(arguments: list[str]) -> None:
    """Run the command line with the prior in the first argument as if it were shipped."""
    path = Path(arguments[0])
    library.FOLDER, library.DEFAULT = path.parent, path.name
    main(arguments[1:])


if __name__ == "__main__":
    run(sys.argv[1:])
