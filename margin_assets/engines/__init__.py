"""Where heavy work runs: in this process, or on a Ray cluster; the results are the same bytes.

Work is a function of what all parts share and of one part. It writes no table: what it returns,
the caller puts together in the order of the parts, and commits once.
"""

from margin_assets.engines.engine import (
    Engine,
    EngineUnavailable,
    InProcess,
    engine_of,
)

__all__ = ["Engine", "EngineUnavailable", "InProcess", "engine_of"]
