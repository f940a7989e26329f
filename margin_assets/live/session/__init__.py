"""Plan, accept, compute, write, seal: one cycle as a pure step, and the process around it.

Here belongs what a run does between start and hand-over, and what it shows of itself meanwhile.
"""
