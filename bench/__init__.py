"""Benchmarks; `--help` describes each program, as in `python -m bench.bench --help`."""
