"""The report of runs: one page that loads nothing, from the same rows that a lake holds."""
