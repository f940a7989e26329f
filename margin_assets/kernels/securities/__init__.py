"""Stock, funds and bonds: the lines of one position, and the pass over accounts that hold no more.

Rules: FINRA 4210(c), (e)(1) and (e)(2), and their kin of Regulation T.
"""
