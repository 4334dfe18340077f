"""`where` expressions: which messages a subscriber wants, checked against the topic's fields before anything is read.

    goldstein < -5 and source == "RUS"          plover in ("ASSAULT", "THREATEN") and not retracted
    tension > 50 and change > 10                "idlib" in lower(text)

Comparisons, `and`, `or`, `not`, `in`, `is None`, + - * /, and the functions len, lower, abs. A null field compares
false. The text of a retraction is gone: conditions on it are taken as possibly true, so that whoever got the event can
get its retraction.
"""

from __future__ import annotations

import ast
import difflib
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from streams.client.errors import FilterError
from streams.client.expressions import FUNCTIONS, OPERATORS, Evaluator
from streams.client.fields import Withheld, fields_of, has_open_fields, open_field
from streams.client.messages import full_name
from streams.core.models import CodedEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.client.fields import Field, Kind

__all__ = ["MAX_LENGTH", "compile_filter"]

# Bounds of an expression: far above what a person writes, far below what slows a reader down.
MAX_LENGTH: Final = 1000
_MAX_DEPTH: Final = 30

_FUNCTION_KINDS: Final[dict[str, tuple[tuple[Kind, ...], Kind]]] = {
    "len": (("text", "list", "any"), "number"),
    "lower": (("text", "any"), "text"),
    "abs": (("number", "any"), "number"),
}
_ORDERED: Final = ("number", "text", "time", "day")
_WORDS: Final = {"text": "text", "number": "a number", "truth": "true or false", "time": "a time", "day": "a date"}


def compile_filter(expression: str, topic: str) -> Callable[[Any], bool]:
    """Return a function that says whether the value of a message on `topic` (short name) satisfies `expression`.

    Raises: FilterError with the place of what cannot be used, and the nearest names for an unknown field.
    """
    full_name(topic)
    check = _Check(expression, topic)
    evaluator, used = Evaluator(expression, check.tree()), check.used

    def matches(value: Any) -> bool:  # noqa: ANN401 - the value of a message
        if value is None:
            return False
        names = {name: field.take(value) for name, field in used.items()}
        if "text" in names and isinstance(value, CodedEvent) and value.retracted:
            return any(evaluator.holds({**names, "text": Withheld(answer)}) for answer in (True, False))
        return evaluator.holds(names)

    return matches


class _Check:
    """One pass over the syntax tree: what is allowed, of which kind it is, which fields are used."""

    def __init__(self, expression: str, topic: str) -> None:
        self.expression = expression.strip()
        self.topic = topic
        self.used: dict[str, Field] = {}
        self._fields = fields_of(topic)

    def tree(self) -> ast.expr:
        """Return the expression with dotted fields as plain names and moments as moments."""
        if len(self.expression) > MAX_LENGTH:
            raise FilterError(f"{len(self.expression)} characters; at most {MAX_LENGTH} are allowed", "", MAX_LENGTH)
        tree, kind = self._visit(self._parse(), 0)
        self._want(tree, kind, "truth", "the expression")
        return tree

    def _parse(self) -> ast.expr:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self.expression, mode="eval").body
        except SyntaxError as error:
            raise self._error(f"cannot be read: {error.msg}", max(0, (error.offset or 1) - 1)) from None
        except (ValueError, RecursionError, MemoryError):
            raise self._error("cannot be read; write less deeply nested, printable text", 0) from None

    def _visit(self, node: ast.expr, depth: int) -> tuple[ast.expr, Kind]:
        visit = _VISITORS.get(type(node))
        if depth > _MAX_DEPTH:
            raise self._error("is nested too deeply", node)
        if visit is None:
            raise self._error(f"{_describe(node)} is not allowed here; see `tensionwire tail --help`", node)
        seen: tuple[ast.expr, Kind] = visit(self, node, depth + 1)
        return seen

    def _name(self, node: ast.Name | ast.Attribute, depth: int) -> tuple[ast.expr, Kind]:
        del depth
        name = ast.unparse(node)
        field = self._fields.get(name)
        if field is None and has_open_fields(self.topic) and not _hidden(name):
            field = open_field(name)
        if field is None:
            raise self._unknown(name, node)
        self.used[name] = field
        return ast.Name(id=name, ctx=ast.Load()), field.kind

    def _constant(self, node: ast.Constant, depth: int) -> tuple[ast.expr, Kind]:
        del depth
        if isinstance(node.value, bool):
            return node, "truth"
        if isinstance(node.value, str | int | float):
            return node, "text" if isinstance(node.value, str) else "number"
        raise self._error("use `is None` or `is not None` to ask for null", node)

    def _boolean(self, node: ast.BoolOp, depth: int) -> tuple[ast.expr, Kind]:
        parts = [self._truth(part, depth) for part in node.values]
        return ast.BoolOp(op=node.op, values=parts), "truth"

    def _truth(self, node: ast.expr, depth: int) -> ast.expr:
        part, kind = self._visit(node, depth)
        self._want(node, kind, "truth", f"`{ast.unparse(node)}`")
        return part

    def _unary(self, node: ast.UnaryOp, depth: int) -> tuple[ast.expr, Kind]:
        if isinstance(node.op, ast.Not):
            return ast.UnaryOp(op=node.op, operand=self._truth(node.operand, depth)), "truth"
        return ast.UnaryOp(op=self._operator(node.op, node), operand=self._number(node.operand, depth)), "number"

    def _number(self, node: ast.expr, depth: int) -> ast.expr:
        part, kind = self._visit(node, depth)
        self._want(node, kind, "number", f"`{ast.unparse(node)}`")
        return part

    def _binary(self, node: ast.BinOp, depth: int) -> tuple[ast.expr, Kind]:
        left, right = self._number(node.left, depth), self._number(node.right, depth)
        return ast.BinOp(left=left, op=self._operator(node.op, node), right=right), "number"

    def _call(self, node: ast.Call, depth: int) -> tuple[ast.expr, Kind]:
        name = ast.unparse(node.func)
        if name not in FUNCTIONS or len(node.args) != 1 or node.keywords:
            raise self._error(f"`{name}(...)`: the functions are {', '.join(FUNCTIONS)}, of one value each", node)
        argument, kind = self._visit(node.args[0], depth)
        accepted, result = _FUNCTION_KINDS[name]
        if kind not in accepted:
            raise self._error(f"`{name}` takes {_WORDS[accepted[0]]}, not {_word(kind)}", node)
        return ast.Call(func=ast.Name(id=name, ctx=ast.Load()), args=[argument], keywords=[]), result

    def _compare(self, node: ast.Compare, depth: int) -> tuple[ast.expr, Kind]:
        left, kind = self._visit(node.left, depth)
        parts: list[ast.expr] = []
        for op, right in zip(node.ops, node.comparators, strict=True):
            part, right_kind = self._right(kind, op, right, depth)
            if not parts and right_kind in {"time", "day"}:
                left = self._moment(left, node.left, right_kind)
            parts.append(part)
            kind = right_kind
        return ast.Compare(left=left, ops=node.ops, comparators=parts), "truth"

    def _right(self, kind: Kind, op: ast.cmpop, node: ast.expr, depth: int) -> tuple[ast.expr, Kind]:
        if isinstance(op, ast.Is | ast.IsNot):
            if isinstance(node, ast.Constant) and node.value is None:
                return node, "any"
            raise self._error("`is` only asks for None; use == or !=", node)
        if isinstance(op, ast.In | ast.NotIn):
            return self._container(kind, node, depth), "any"
        part, right = self._visit(node, depth)
        return self._alike(kind, right, part, node), right if kind not in {"time", "day"} else kind

    def _container(self, kind: Kind, node: ast.expr, depth: int) -> ast.expr:
        if isinstance(node, ast.Tuple | ast.List):
            pairs = [(element, *self._visit(element, depth)) for element in node.elts]
            parts = [self._alike(kind, other, part, element) for element, part, other in pairs]
            return ast.Tuple(elts=parts, ctx=ast.Load())
        part, right = self._visit(node, depth)
        if right in {"list", "any"} or (right == "text" and kind in {"text", "any"}):
            return part
        raise self._error(f"`in` looks into a text or a list such as (1, 2), not into {_word(right)}", node)

    def _alike(self, left: Kind, right: Kind, part: ast.expr, node: ast.expr) -> ast.expr:
        if left in {"time", "day"} and right == "text":
            return self._moment(part, node, left)
        comparable = left == right and left in (*_ORDERED, "truth")
        moment = right in {"time", "day"} and left == "text"
        if not (comparable or moment or "any" in {left, right}):
            raise self._error(f"{_word(left)} cannot be compared with {_word(right)}", node)
        return part

    def _moment(self, part: ast.expr, node: ast.expr, kind: Kind) -> ast.expr:
        if not isinstance(part, ast.Constant):
            return part
        try:
            moment = datetime.fromisoformat(str(part.value))
        except ValueError:
            raise self._error("write the moment as 2018-09-18 or 2018-09-18T09:12:00Z", node) from None
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        value: Any = zoned if kind == "time" else moment.date()  # no literal of the language, but simpleeval takes it
        return ast.Constant(value=value)

    def _operator(self, op: Any, node: ast.expr) -> Any:  # noqa: ANN401 - ast has no common class of operators
        if type(op) not in OPERATORS:
            raise self._error(f"{_describe(op)} is not allowed here; there are + - * /", node)
        return op

    def _want(self, node: ast.expr, kind: Kind, wanted: Kind, what: str) -> None:
        if kind not in {wanted, "any"}:
            raise self._error(f"{what} is {_word(kind)}, not {_WORDS[wanted]}; compare it with something", node)

    def _unknown(self, name: str, node: ast.expr) -> FilterError:
        near = difflib.get_close_matches(name, self._fields, n=3, cutoff=0.5)
        hint = (
            f"did you mean {' or '.join(near)}?"
            if near
            else f"there are {', '.join(sorted(n for n in self._fields if '.' not in n))}"
        )
        return self._error(f"{self.topic} has no field `{name}`; {hint}", node)

    def _error(self, message: str, where: ast.AST | int) -> FilterError:
        at = where if isinstance(where, int) else getattr(where, "col_offset", 0)
        # The parser counts bytes of UTF-8.
        column = at if isinstance(where, int) else len(self.expression.encode()[:at].decode("utf-8", "ignore"))
        return FilterError(message, self.expression, column)


def _word(kind: Kind) -> str:
    return _WORDS.get(kind, f"a {kind}")


def _hidden(name: str) -> bool:
    return any(step.startswith("_") or not step.isidentifier() for step in name.split("."))


def _describe(node: ast.AST) -> str:
    return {"Pow": "**", "Mod": "%", "FloorDiv": "//"}.get(type(node).__name__, f"`{type(node).__name__}`")


_VISITORS: Final[dict[type[ast.expr], Any]] = {
    ast.Name: _Check._name,  # noqa: SLF001 - the table of this class's own methods
    ast.Attribute: _Check._name,  # noqa: SLF001 - as above
    ast.Constant: _Check._constant,  # noqa: SLF001 - as above
    ast.BoolOp: _Check._boolean,  # noqa: SLF001 - as above
    ast.UnaryOp: _Check._unary,  # noqa: SLF001 - as above
    ast.BinOp: _Check._binary,  # noqa: SLF001 - as above
    ast.Call: _Check._call,  # noqa: SLF001 - as above
    ast.Compare: _Check._compare,  # noqa: SLF001 - as above
}
