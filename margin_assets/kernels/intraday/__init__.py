"""Intraday margin: what each transaction leaves, and the register of deficits from start to end.

Rules: FINRA 4210(d) as amended, by the date that the account switches on.
"""
