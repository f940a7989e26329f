"""Running it: Dagster instance files and what starts everything on one machine."""
