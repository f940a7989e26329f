"""Instants that are none, in arrays of microseconds."""

import numpy as np

NEVER = np.iinfo(np.int64).max
"""What never comes: later than any instant."""
UNSET = -1
"""What is not set: earlier than any instant."""
