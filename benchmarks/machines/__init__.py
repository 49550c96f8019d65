"""Whether a file decodes to the same bits on other machines: see `benchmarks.bench_machines`."""
