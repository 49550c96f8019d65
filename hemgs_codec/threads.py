"""One place to say how many CPU threads are used."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import numba
import torch


@contextlib.contextmanager
def use_threads(threads: int | None) -> Iterator[int]:
    """Use this many threads (None: the machine's cores) in torch and numba inside the block; yield it."""
    wanted = threads if threads is not None else len(os.sched_getaffinity(0))
    before_torch, before_numba = torch.get_num_threads(), numba.get_num_threads()
    torch.set_num_threads(wanted)
    numba.set_num_threads(min(wanted, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]  # set while it loads
    try:
        yield wanted
    finally:
        torch.set_num_threads(before_torch)
        numba.set_num_threads(before_numba)
