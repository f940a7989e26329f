"""Who stands elsewhere on the ladder than when a run first touched them."""

import numpy as np

from margin_assets.kernels.enforcement.rungs import empty_ladder
from margin_assets.live.firm.climbed import Climbed


def test_accounts_are_held_against_where_they_stood_first():
    ladder = empty_ladder(4)
    run = Climbed(ladder)
    run.note(np.array([0, 1, 2]))
    ladder.is_stressed[[0, 1]] = True
    ladder.deadline[2] = 5

    run.note(np.array([0, 1, 3]))
    ladder.is_stressed[1] = False
    ladder.margin_status[3] = 1

    assert np.unique(np.concatenate(run.moved())).tolist() == [0, 2, 3]
