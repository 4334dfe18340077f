"""Running a checked filter expression: operators for which null is no match, and no way out of the message.

What reaches `simpleeval` here has been reduced by `filters` to constants, comparisons, four kinds of arithmetic, three
functions and plain names; attributes are names too, looked up before it runs.
"""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Any, Final

from simpleeval import EvalWithCompoundTypes  # type: ignore[import-untyped]  # it has no types

from streams.client.fields import Either, Withheld

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FUNCTIONS", "OPERATORS", "Evaluator"]


def _is_null(left: Any, right: Any) -> bool:  # noqa: ANN401 - values of messages
    return left is None or right is None


def _comparison(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], bool]:
    def holds(left: Any, right: Any) -> bool:  # noqa: ANN401 - values of messages
        if isinstance(left, Withheld) or isinstance(right, Withheld):
            return bool(left if isinstance(left, Withheld) else right)
        if _is_null(left, right):
            return False
        if isinstance(left, Either):
            return any(holds(one, right) for one in left)
        if isinstance(right, Either) and compare is not _contained:
            return any(holds(left, one) for one in right)
        try:
            return bool(compare(left, right))
        except TypeError:
            # Values of different kinds, which only fields without a contract can hold.
            return False

    return holds


def _contained(left: Any, right: Any) -> bool:  # noqa: ANN401 - values of messages
    return left in right


def _opposite(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def fails(left: Any, right: Any) -> bool:  # noqa: ANN401 - values of messages
        if isinstance(left, Withheld) or isinstance(right, Withheld):
            return holds(left, right)
        return not _is_null(left, right) and not holds(left, right)

    return fails


def _arithmetic(compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def result(left: Any, right: Any) -> Any:  # noqa: ANN401 - numbers, null or withheld
        for value in (left, right):
            if isinstance(value, Withheld):
                return value
        try:
            return compute(left, right) if _is_number(left) and _is_number(right) else None
        except (ZeroDivisionError, OverflowError):
            return None

    return result


def _is_number(value: Any) -> bool:  # noqa: ANN401 - values of messages
    return isinstance(value, int | float)


def _negative(value: Any) -> Any:  # noqa: ANN401 - a number or null
    return value if isinstance(value, Withheld) else -value if _is_number(value) else None


def _length(value: Any) -> Any:  # noqa: ANN401 - a text, a list or null
    return value if isinstance(value, Withheld) else len(value) if isinstance(value, str | list | tuple) else None


def _lower(value: Any) -> Any:  # noqa: ANN401 - a text or null
    if isinstance(value, Either):
        return Either(one.lower() for one in value)
    return value if isinstance(value, Withheld) else value.lower() if isinstance(value, str) else None


def _absolute(value: Any) -> Any:  # noqa: ANN401 - a number or null
    return value if isinstance(value, Withheld) else abs(value) if _is_number(value) else None


FUNCTIONS: Final = {"len": _length, "lower": _lower, "abs": _absolute}
OPERATORS: Final[dict[type[ast.AST], Callable[..., Any]]] = {
    ast.Eq: _comparison(operator.eq),
    ast.NotEq: _opposite(_comparison(operator.eq)),
    ast.Lt: _comparison(operator.lt),
    ast.LtE: _comparison(operator.le),
    ast.Gt: _comparison(operator.gt),
    ast.GtE: _comparison(operator.ge),
    ast.In: _comparison(_contained),
    ast.NotIn: _opposite(_comparison(_contained)),
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.Not: operator.not_,
    ast.USub: _negative,
    ast.Add: _arithmetic(operator.add),
    ast.Sub: _arithmetic(operator.sub),
    ast.Mult: _arithmetic(operator.mul),
    ast.Div: _arithmetic(operator.truediv),
}


class Evaluator:
    """A checked expression, ready to run on the fields it names; not for several threads at once."""

    def __init__(self, expression: str, tree: ast.expr) -> None:
        self._expression = expression
        self._tree = tree
        self._run: Any = EvalWithCompoundTypes(operators=dict(OPERATORS), functions=dict(FUNCTIONS), names={})

    def holds(self, names: dict[str, Any]) -> bool:
        """Return whether the expression is true of these fields."""
        self._run.names = names
        return bool(self._run.eval(self._expression, self._tree))
