"""Correlations that can be drawn from: mended where they are none, mixed with a stressed one."""

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray

LEAST_EIGENVALUE = 1e-8
_NEGATIVE = -1e-10


def is_positive(correlation: FloatArray) -> bool:
    """Whether no combination of factors has a negative variance, up to rounding."""
    return bool(np.linalg.eigvalsh(correlation).min(initial=0.0) >= _NEGATIVE)


def mended(correlation: FloatArray) -> FloatArray:
    """The correlation with eigenvalues held to 1e-8 and its diagonal brought back to one (2)."""
    values, vectors = np.linalg.eigh((correlation + correlation.T) / 2.0)
    held = np.einsum("fk,k,gk->fg", vectors, np.maximum(values, LEAST_EIGENVALUE), vectors)
    scale = 1.0 / np.sqrt(np.diag(held))
    result: FloatArray = held * np.outer(scale, scale)
    np.fill_diagonal(result, 1.0)
    return result


def stressed(loadings: FloatArray) -> FloatArray:
    """One common cause: factors i and j correlate by the product of their loadings.

    Args:
        loadings: [factor], within -1 and 1; 0 for what stays apart.
    """
    result: FloatArray = np.outer(loadings, loadings)
    np.fill_diagonal(result, 1.0)
    return result


def mixed(calm: FloatArray, stress: FloatArray, weight: float) -> FloatArray:
    """`(1 - weight) calm + weight stress`: a mix of correlations is one."""
    result: FloatArray = (1.0 - weight) * calm + weight * stress
    return result


def root(correlation: FloatArray) -> FloatArray:
    """Lower triangular L with L L' the correlation; one on the edge is nudged inside first."""
    count = len(correlation)
    inside = (correlation + LEAST_EIGENVALUE * np.eye(count)) / (1.0 + LEAST_EIGENVALUE)
    return np.asarray(np.linalg.cholesky(inside), np.float64)


def change(calm: FloatArray, target: FloatArray) -> FloatArray:
    """Lower triangular that turns shocks correlated as `calm` into ones correlated as `target`."""
    lower: FloatArray = np.tril(root(target) @ np.linalg.inv(root(calm)))
    return lower
