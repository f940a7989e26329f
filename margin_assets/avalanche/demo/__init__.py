"""A synthetic platform of 15 billion from a seed: 30 managers, 210 netting sets, four currencies.

Nothing in it is anybody's: its sizes are chosen so that margin and its swings look like a real one.
"""
