"""Types of arrays, as the signatures of kernels name them."""

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
Int8Array = npt.NDArray[np.int8]
Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Int64Table = np.ndarray[tuple[int, int], np.dtype[np.int64]]
Int64Cube = np.ndarray[tuple[int, int, int], np.dtype[np.int64]]
