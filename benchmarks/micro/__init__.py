"""Micro-benchmarks: one file per part of the codec, on the bundled scene, so that anyone may run them.

They aren't tests, and the ordinary test run leaves them out. `python -m benchmarks.bench_micro` runs all and
keeps their figures; one file runs with
``python -m pytest benchmarks/micro/test_octree.py --benchmark-only -o addopts=--import-mode=importlib``.
"""
