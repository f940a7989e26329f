"""The story of one account: where it stands, by what, and what happened, down to its files.

It reads sealed tables at the versions of one cycle and writes none; requirements it names by the
rule that their rows name.
"""
