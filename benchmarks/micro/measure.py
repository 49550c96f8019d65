"""How one piece of work is timed, and what it gets through."""

from __future__ import annotations

from collections.abc import Callable

from pytest_benchmark.fixture import BenchmarkFixture


def measure(benchmark: BenchmarkFixture, work: Callable[[], object], items: int, unit: str) -> None:
    """Time some work, done once before so that its loops are compiled.

    Parameters
    ----------
    items : int
        What one round gets through, counted in ``unit``: it gives ``items_per_s`` of the median round.
    unit : str
        Plural, such as "points".
    """
    work()
    benchmark(work)
    benchmark.extra_info.update(items=items, unit=unit)
    if benchmark.stats is not None:  # None where benchmarks are only tried, not timed
        benchmark.extra_info["items_per_s"] = items / benchmark.stats.stats.median
