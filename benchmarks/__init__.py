"""One question per script; every quoted number is a line of ``results/*.jsonl``.

Scripts run from a checkout, as ``python -m benchmarks.bench_…`` in its top folder, installed or not.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (ROOT, ROOT / "format", ROOT / "cli")
sys.path[:0] = [str(folder) for folder in SOURCES if str(folder) not in sys.path]
