"""One revaluation of everything, and the tables over it: requirements, stress, summary, firm.

Here belongs what needs securities, options and strategies together. Rules: FINRA 4210(c), (f) and
(g), and the house's.
"""
