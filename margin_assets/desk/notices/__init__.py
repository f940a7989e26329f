"""Messages about what is sealed: who is told, by which channel, and what became of it.

It reads sealed cycles, writes the table `notifications` alone, and is never waited for by a cycle.
Who is told of what is the rulebook family `notifications`, which is none of the families that
cycles are planned under: it decides nothing that is computed.
"""
