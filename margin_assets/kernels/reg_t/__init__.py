"""Special memorandum accounts, buying power and margin calls of Regulation T.

Rules: 12 CFR 220.4, 220.5 and 220.12.
"""
