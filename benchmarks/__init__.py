"""Benchmarks: `main() -> dict` in each module; `margin bench NAME`, or all by `make bench`."""
