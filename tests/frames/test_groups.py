"""Groups of what is joined, against following every pair until nothing changes."""

from hypothesis import given
from hypothesis import strategies as st

from cloudcore.frames import groups

NUMBERS = st.integers(0, 14)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=20))
def test_equals_following_every_pair(pairs: list[tuple[int, int]]) -> None:
    smallest = list(range(15))
    while True:
        before = list(smallest)
        for one, two in pairs:
            smallest[one] = smallest[two] = min(smallest[one], smallest[two])
        if smallest == before:
            break
    assert groups.join(15, pairs) == smallest


def test_nothing_joined_is_alone() -> None:
    assert groups.join(3, []) == [0, 1, 2] and groups.join(0, []) == []
    assert groups.join(4, [(3, 2), (2, 3), (1, 1)]) == [0, 1, 2, 2]
