"""Random numbers against published vectors, and normals against their distribution."""

import numpy as np
import pytest

from margin_assets.kernels.avalanche.paths.normals import LANES, normals
from margin_assets.kernels.avalanche.paths.philox import SHOCK, philox, uniforms

ONES = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        (
            (0, 0, 0, 0),
            (0, 0),
            (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
        ),
        (
            (ONES, ONES, ONES, ONES),
            (ONES, ONES),
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
    ids=["zeros", "ones", "pi"],
)
def test_published_vectors(counter: tuple, key: tuple, expected: tuple):
    # Random123 1.14, kat_vectors, lines "philox4x32 10".
    found = philox(tuple(map(np.uint64, counter)), tuple(map(np.uint64, key)))

    assert tuple(map(int, found)) == expected


def test_normals_are_box_muller_of_the_words():
    paths, into = np.arange(LANES) + 5, np.zeros((8, LANES))
    seed, step = (3 << 32) + 11, 17

    normals(into, paths, seed, step)

    key = (np.uint64(11), np.uint64(3))
    for row in range(0, 8, 4):
        for p in (0, 7, 15):
            counter = (row // 4, step, paths[p], SHOCK)
            words = [int(w) for w in philox(tuple(map(np.uint64, counter)), key)]
            for half in range(2):
                radius = np.sqrt(-2 * np.log((words[2 * half] + 0.5) / 2**32))
                turn = words[2 * half + 1]
                angle = np.pi / 2 * ((turn >> 30) + ((turn & (2**30 - 1)) + 0.5) / 2**30 - 0.5)
                pair = into[row + 2 * half : row + 2 * half + 2, p]
                np.testing.assert_allclose(
                    pair, [radius * np.cos(angle), radius * np.sin(angle)], rtol=0, atol=2e-14
                )


def test_normals_have_the_moments_of_a_normal():
    into, drawn = np.zeros((12, LANES)), []
    for step in range(1_000):
        normals(into, np.arange(LANES), 1, step)
        drawn.append(into.copy())
    z = np.concatenate(drawn, axis=1)

    count = z.size
    assert abs(z.mean()) < 4 / np.sqrt(count)
    assert abs((z**2).mean() - 1) < 4 * np.sqrt(2 / count)
    assert abs((z**4).mean() - 3) < 4 * np.sqrt(96 / count)
    assert np.abs(np.corrcoef(z) - np.eye(12)).max() < 5 / np.sqrt(count / 12)


def test_more_numbers_leave_the_first_as_they_are():
    few, many = uniforms(9, 5, 2, 10), uniforms(9, 5, 2, 1_000)

    assert few.tolist() == many[:10].tolist()
    assert few.tolist() != uniforms(9, 6, 2, 10).tolist()
    assert 0 < many.min() < many.max() < 1
