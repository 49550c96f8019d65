"""The codecs that `benchmarks.compare` puts side by side."""
