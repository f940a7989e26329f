"""Solvers: linear programs, whole numbers near them, branch and bound, and proofs of their bounds.

They know matrices alone, no leg and no rule: what they solve is told by the rooms above.
"""
