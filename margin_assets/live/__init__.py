"""The live session: the firm in memory, cycle after cycle."""
