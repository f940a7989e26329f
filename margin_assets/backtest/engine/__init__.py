"""The day loop: a book walked through the sessions of a history under a policy.

It moves positions, cash and the ladder by the live kernels and has no rule of its own; rules come
from rulebooks, those of a day changed by the policy. It reads and writes no file.
"""
