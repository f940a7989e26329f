"""Records of kernels as plain documents."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import numpy as np

from margin_assets.kernels.avalanche.answers.quantiles import Distribution, Quantile, Share

Document = dict[str, Any]


def plain(value: object) -> Any:  # noqa: ANN401 (whatever a document holds)
    """Records as objects, arrays as lists, words as text."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): plain(held) for key, held in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {key: plain(held) for key, held in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [plain(held) for held in value]
    return value


def document_of(record: tuple[object, ...]) -> Document:
    """A named record as a document."""
    held: Document = plain(record)
    return held


def quantile_document(found: Quantile) -> Document:
    """One quantile with its error."""
    return {
        "level": found.level,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "standard_error": found.standard_error,
        "indicative": found.is_indicative,
    }


def distribution_document(found: Distribution) -> Document:
    """A distribution over paths."""
    return {
        "paths": found.paths,
        "mean": found.mean,
        "mean_error": found.mean_error,
        "quantiles": [quantile_document(one) for one in found.quantiles],
        "shortfall_97_5": found.shortfall,
        "shortfall_error": found.shortfall_error,
    }


def share_document(found: Share) -> Document:
    """A probability with its interval."""
    return {"probability": found.value, "low": found.low, "high": found.high}
