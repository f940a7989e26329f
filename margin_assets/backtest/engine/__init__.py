"""The day loop: a book walked through the sessions of a history under a policy."""
