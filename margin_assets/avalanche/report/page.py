"""The page: sections of told figures with their pictures, rendered to one file.

Nothing in it is loaded from anywhere and no script runs: its policy allows its own style, by hash,
and nothing else.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from margin_assets.avalanche.report import pictures
from margin_assets.avalanche.report.scales import money, percent

_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'"
_PACKAGE = "margin_assets.avalanche.report"


def page(
    documents: Sequence[Mapping[str, Any]],
    texts: Sequence[Mapping[str, str]] = (),
    reverse: Mapping[str, Any] | None = None,
) -> str:
    """The report of one run in one or more scenarios.

    Args:
        documents: All answers, one document a scenario.
        texts: The narrative of each; empty for none.
        reverse: The reverse stress, if it was run.
    """
    style = files(_PACKAGE).joinpath("templates", "report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    told = list(texts) or [{}] * len(documents)
    rendered: str = _template().render(
        style=Markup(style),  # noqa: S704 (our own file, and allowed by its hash alone)
        policy=f"{_POLICY}; style-src 'sha256-{digest}'",
        run=documents[0]["run"],
        sections=[
            {"answers": document, "text": text, "pictures": _pictures(document)}
            for document, text in zip(documents, told, strict=True)
        ],
        reverse=reverse,
    )
    return rendered


def _template() -> Any:  # noqa: ANN401 (jinja's template)
    environment = Environment(
        loader=PackageLoader(_PACKAGE, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"money": _kept_together, "percent": percent, "at": _at}
    return environment.get_template("report.html")


def _kept_together(amount: float | None) -> str:
    """An amount whose unit stays on its line."""
    return money(amount).replace(" ", "\N{NO-BREAK SPACE}")


def _at(distribution: Mapping[str, Any], level: float) -> Mapping[str, Any]:
    """The quantile of a level in a distribution's document."""
    found: Mapping[str, Any] = next(q for q in distribution["quantiles"] if q["level"] == level)
    return found


def _pictures(document: Mapping[str, Any]) -> dict[str, Markup]:
    drawn = {
        "need": pictures.need_fan(document),
        "exceedance": pictures.outcomes(document),
        "sources": pictures.sources(document),
        "calls": pictures.calls(document),
        "managers": pictures.managers(document),
        "matrix": pictures.matrix(document),
        "funding": pictures.funding(document),
    }
    # Every text in them was escaped when it was drawn.
    return {name: Markup(drawing) for name, drawing in drawn.items()}  # noqa: S704 (as said above)
