"""What follows from the paths: quantiles, facility, attribution, reverse stress, early warning.

Arrays in and out; a run of the loop comes in as a function. Formulas and sources are in
docs/avalanche-answers.md.
"""
