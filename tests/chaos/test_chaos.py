"""X-4, X-5 in short: a round of STOPs at random moments, and one with each kind of misfortune. The long runs are those of tests/chaos/run.
The plans are always the same ones here; ORCH_SEED=… makes others, and tests/chaos/run draws new ones and repeats any."""
import os

import pytest

import faults
from rounds import Round

SEED = int(os.environ.get("ORCH_SEED") or 9000)
STOPS_QUIET, STOPS_FAULTY = 30, 4


def play(ground, stops, kinds):
    one = Round(ground, SEED, stops, kinds)
    assert one.play(), "the seed is %d, %d STOPs, faults %s: %s" % (SEED, stops, ",".join(kinds) or "none", "; ".join(one.sins))


def test_X_4_stops_at_random_moments_leave_nothing_and_revive_nothing(ground):
    play(ground, STOPS_QUIET, [])


@pytest.mark.parametrize("kind", faults.KINDS)
def test_X_5_the_same_while_a_part_is_lost(ground, kind):
    play(ground, STOPS_FAULTY, [kind])
