"""An example file of each feed; together they land as one small firm that is margined whole."""

from importlib.resources import files

from schemas import FEEDS


def template(feed: str) -> str:
    """The example of a feed, CSV with a header.

    Raises:
        KeyError: no such feed.
    """
    if feed not in FEEDS:
        raise KeyError(feed)
    return files(__package__).joinpath("templates", f"{feed}.csv").read_text("utf-8")
