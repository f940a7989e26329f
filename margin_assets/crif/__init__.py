"""CRIF files: read, put through the kernels of initial margin, answered portfolio by portfolio."""

from margin_assets.crif.columns import CrifError
from margin_assets.crif.margins import Opened, Question, initial_margin, simm_versions

__all__ = ["CrifError", "Opened", "Question", "initial_margin", "simm_versions"]
