"""Solvers: linear programs, whole numbers near them, branch and bound, and proofs of their bounds.

They know matrices alone, no leg and no rule: what they solve is told by the rooms above.

Others use:
    branching: most_saving
    covering: Costs, Cover, NOWHERE, cost_at, cover, least_at
    highs: Solver, solver_of
    program: NO_LOSS, Program
    relaxation: Relaxation, bound_of, most_saving_sparse
    sparse: Sparse, SparseProgram, sparse_of
"""
