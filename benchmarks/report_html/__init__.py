"""The page that `benchmarks.compare_report` writes: rows, rates, plots, tables, one job a file."""
