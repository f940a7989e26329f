"""Margin risk on a lakehouse."""
