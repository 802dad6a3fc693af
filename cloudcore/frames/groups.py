"""Things joined in pairs, and in pairs of pairs, as groups (union-find). masks.sweep inlines its own for speed."""

from collections.abc import Iterable


def join(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """For each of `count` things, by number, the smallest number of those it is joined with; its own if none.

    >>> join(5, [(3, 1), (4, 3)])
    [0, 1, 2, 1, 1]
    """
    parent = list(range(count))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]  # shorten the way for the next visitor
            number = parent[number]
        return number

    for one, two in pairs:
        low, high = sorted((root(one), root(two)))
        parent[high] = low
    return [root(number) for number in range(count)]
