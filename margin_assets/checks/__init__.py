"""Asset checks: generated from the schemas, or one kernel and a verdict."""
