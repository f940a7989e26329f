"""The story of one account: where it stands, by what, and what happened, down to its files."""
