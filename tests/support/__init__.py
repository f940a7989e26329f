"""What tests share: firms and lakes to try, second routes, servers and their faults.

Imported as `tests.support.<module>`; nothing here is collected, and no test imports another.
"""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The checkout, where processes of tests are started."""
