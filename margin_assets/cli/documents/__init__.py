"""Verbs that answer a document or a file and store nothing; rulebooks."""
