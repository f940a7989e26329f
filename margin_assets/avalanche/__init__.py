"""The avalanche's book, from a folder or a lake: read, refused or run, and told. No Dagster."""
