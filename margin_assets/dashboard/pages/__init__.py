"""A module a page: what it shows of the lake that is followed, as plain rows."""
