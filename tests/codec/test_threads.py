"""What runs beside the rest."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numba
import pytest
import torch

from hemgs_codec.threads import begin, of_each, settle_torch, together, use_threads


def test_begins_on_another_thread() -> None:
    if numba.config.NUMBA_NUM_THREADS == 1:  # type: ignore[attr-defined]  # set while it loads
        pytest.skip("needs two threads")
    with use_threads(2):
        result = begin(threading.get_ident)
    assert result() != threading.get_ident()
    assert result() == result()


def test_a_single_thread_waits_for_the_question() -> None:
    with use_threads(1):
        result = begin(threading.get_ident)
    assert result() == threading.get_ident()


@pytest.mark.parametrize("threads", [1, 2])
def test_raises_what_the_task_raises(threads: int) -> None:
    def fail() -> None:
        raise ValueError("no")

    with use_threads(threads):
        result = begin(fail)
    with pytest.raises(ValueError, match="no"):
        result()


@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_made_of_parts_is_in_their_order(threads: int) -> None:
    with use_threads(threads):
        assert of_each(lambda part: list(range(10))[part], 10, 4) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


@pytest.mark.parametrize("threads", [1, 2])
def test_all_threads_do_the_same_together(threads: int) -> None:
    done: list[int] = []
    with use_threads(threads):
        count = numba.get_num_threads()
        together(lambda: done.append(1))
    assert len(done) == count


@pytest.mark.parametrize("threads", [1, 2])
def test_what_one_of_all_threads_raises_is_raised(threads: int) -> None:
    def fail() -> None:
        raise ValueError("no")

    with use_threads(threads), pytest.raises(ValueError, match="no"):
        together(fail)


_FIT = """
import numba
from hemgs_codec.threads import settle_torch, use_threads
with use_threads(1):
    numba.njit(parallel=True)(lambda: None)
    settle_torch()
    import torch
    print(torch.get_num_threads())
    with use_threads(3):
        print(torch.get_num_threads())
    print(torch.get_num_threads())
print(torch.get_num_threads())
"""


def test_torch_does_as_asked_whoever_imports_it() -> None:
    told = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", _FIT], capture_output=True, text=True, check=True, env=told)
    cores = len(os.sched_getaffinity(0))
    assert done.stdout.split() == ["1", "3", "1", str(cores)]


def test_torch_gets_back_what_it_had() -> None:
    had = torch.get_num_threads()
    torch.set_num_threads(5)
    try:
        with use_threads(2):
            assert torch.get_num_threads() == 2
        settle_torch()
        assert torch.get_num_threads() == 5
    finally:
        torch.set_num_threads(had)
