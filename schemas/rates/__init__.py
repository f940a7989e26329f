"""Tables of the rates book: the feeds that land for it, and what is computed from them."""
