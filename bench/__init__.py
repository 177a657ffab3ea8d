"""Benchmarks; each program says with `--help` what it measures, `python -m bench.bench --help`."""
