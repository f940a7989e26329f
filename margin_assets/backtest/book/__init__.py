"""Books of accounts: drawn from tempers, or as a lake's fills tell them.

A book is trades by session and no figure; what it comes to, `engine` finds. Draws are seeded.
"""
