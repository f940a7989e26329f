"""Tables of the margin-call avalanche: the book that it reads, and what it answers."""
