"""Sums in SQL that leave their type end in an error, never in another number.

The engine's SUM of decimals and of integers wraps around in silence. Each SUM of a statement is
therefore held against the same sum in doubles: one that wrapped is off by all the numbers its type
has, one that did not by what doubles round.
"""

from collections.abc import Sequence

from sqlglot.tokenizer_core import Token, TokenType
from sqlglot.tokens import Tokenizer

BEYOND = "Divide by zero"
"""What the engine says of a guarded sum that leaves its type."""
_NEAR = "1e-6"
"""Doubles are off by far less, of the sum of sizes; what has wrapped by far more."""
_LONGEST = 200_000
_ITEM_STARTS = frozenset({"select", "distinct", "all", ","})
_ITEM_ENDS = frozenset({",", "from", ")", "union", "except", "intersect", "order", "limit", ""})


def with_exact_sums(statement: str) -> str:
    """The statement with every SUM guarded: one that leaves its type divides by zero instead.

    Raises:
        ValueError: Sums are nested so deeply that the statement outgrows all bounds.
    """
    return _guarded(statement)


def _guarded(text: str) -> str:
    tokens = Tokenizer().tokenize(text)
    parts, done, place, selects = [], 0, 0, [False]
    while place < len(tokens):
        end = _end_of_sum(tokens, place)
        if end is None:
            _follow(selects, tokens[place])
            place += 1
            continue
        start, stop = tokens[place].start, tokens[end].end + 1
        parts += [text[done:start], _guard(text[start:stop])]
        if selects[-1] and _stands_alone(tokens, place, end):
            # The engine finds `ORDER BY 2` only among items that have a name.
            parts.append(f' AS "sum {place}"')
        done, place = stop, end + 1
    found = "".join([*parts, text[done:]])
    if parts and len(found) > _LONGEST:
        raise ValueError("sums are nested too deeply")
    return found


def _follow(selects: list[bool], token: Token) -> None:
    """Keeps, for each open parenthesis, whether what comes is an item of a SELECT."""
    match token.text.lower():
        case "(":
            selects.append(False)
        case ")" if len(selects) > 1:
            selects.pop()
        case "select":
            selects[-1] = True
        case "from":
            selects[-1] = False


def _stands_alone(tokens: Sequence[Token], first: int, last: int) -> bool:
    before, after = _word(tokens, first - 1), _word(tokens, last + 1)
    return before in _ITEM_STARTS and after in _ITEM_ENDS


def _end_of_sum(tokens: Sequence[Token], place: int) -> int | None:
    """Last token of the sum that begins at a place, its FILTER and OVER included."""
    if tokens[place].token_type == TokenType.STRING or _word(tokens, place) != "sum":
        return None
    if _word(tokens, place + 1) != "(":
        return None
    end = _closing(tokens, place + 1)
    if _word(tokens, end + 1) == "filter" and _word(tokens, end + 2) == "(":
        end = _closing(tokens, end + 2)
    if _word(tokens, end + 1) == "over":
        end = _closing(tokens, end + 2) if _word(tokens, end + 2) == "(" else end + 2
    return min(end, len(tokens) - 1)


def _word(tokens: Sequence[Token], place: int) -> str:
    return tokens[place].text.lower() if 0 <= place < len(tokens) else ""


def _closing(tokens: Sequence[Token], opening: int) -> int:
    depth = 0
    for place in range(opening, len(tokens)):
        kind = tokens[place].token_type
        depth += (kind == TokenType.L_PAREN) - (kind == TokenType.R_PAREN)
        if not depth:
            return place
    return len(tokens) - 1


def _guard(total: str) -> str:
    """One sum, with what is inside it guarded, and held against doubles."""
    tokens = Tokenizer().tokenize(total)
    close = _closing(tokens, 1)
    word = tokens[2].text if _word(tokens, 2) in ("distinct", "all") else ""
    term = _part(total, tokens[(3 if word else 2) : close])
    rest = _part(total, tokens[close + 1 :])
    # A product, since the engine would name the sum of a cast like that of the term.
    double = f"1e0 * CAST(({term}) AS DOUBLE)"
    exact, near, size = (
        f"sum({word} {inner}) {rest}" for inner in (term, double, f"abs({double})")
    )
    is_off = f"abs(CAST({exact} AS DOUBLE) - {near}) > {_NEAR} * {size}"
    return f"(CASE WHEN {is_off} THEN {exact} % 0 ELSE {exact} END)"


def _part(text: str, tokens: Sequence[Token]) -> str:
    return _guarded(text[tokens[0].start : tokens[-1].end + 1]) if tokens else ""
