"""Benchmarks: each module has `main() -> dict`, run by `margin bench NAME` or all by `make bench`."""
