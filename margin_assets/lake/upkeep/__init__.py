"""Checkpoints, compaction and the end of versions that nothing needs any more.

It runs beside sessions and changes no row. Rules: retention as `schemas` declares it.
"""
