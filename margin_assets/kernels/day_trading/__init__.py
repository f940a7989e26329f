"""The pattern day trader rule, which intraday margin replaces by account and date.

Rules: FINRA 4210(f)(8)(B).
"""
