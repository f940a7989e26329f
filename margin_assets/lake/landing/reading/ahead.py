"""Work on the next item while somebody is at the one before."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar, cast

Item = TypeVar("Item")


def ahead(items: Iterator[Item], is_worth: Callable[[Item], bool]) -> Iterator[Item]:
    """The items in their order, the next one made in a thread beside whoever has this one.

    The thread begins behind the first item that `is_worth` it: most files are one small item.
    What making raises is raised where the item would have come.
    """
    for item in items:
        if is_worth(item):
            yield from _beside(item, items)
            return
        yield item


def _beside(item: Item, items: Iterator[Item]) -> Iterator[Item]:
    end = object()

    def make() -> object:
        return next(items, end)

    with ThreadPoolExecutor(1, "reading") as pool:
        found: object = item
        while found is not end:
            # By the rulebooks that whoever asks decides by.
            following = pool.submit(copy_context().run, make)
            yield cast("Item", found)
            found = following.result()
