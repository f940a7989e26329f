"""How loops are compiled: whether they count references to arrays.

Counting costs an atomic step an array and call, and a book is dozens of arrays that all threads
share. Both say so, since a loop that says nothing does as the one that happens to call it first.

Numba compiles a loop once more for every constant that it is called with, and all that it calls
with it: to the large ones constants go as `np.int64(...)`.
"""

from typing import Any

OWNS: dict[str, Any] = {"cache": True, "_nrt": True}
"""A loop that makes arrays or hands them out."""
BORROWS: dict[str, Any] = {"cache": True, "_nrt": False}
"""A loop that only uses arrays it is given, and counts nothing. One that makes an array does not
compile so. One that took an array from a loop would never give it back:
`tests/kernels/numeric/test_compiled.py` forbids it."""
