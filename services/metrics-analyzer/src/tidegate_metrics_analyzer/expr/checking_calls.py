"""Whether a function takes what it is given. Pure; called by `checker` for calls of built-in functions and of values.

An integer literal where a float is asked for becomes a float, also within sums and products: `isNaN(1)` is
`isNaN(1.0)`. A computed integer stays one, passes the check, and is refused when it is called. Both are expr's.
"""

from tidegate_metrics_analyzer.expr.checking import Checking
from tidegate_metrics_analyzer.expr.faults import Refused, mismatch
from tidegate_metrics_analyzer.expr.natures import ANY, FLOAT, UNKNOWN, Nature
from tidegate_metrics_analyzer.expr.signatures import VALIDATED, Overload
from tidegate_metrics_analyzer.expr.tree import Binary, Builtin, Call, Float, Integer, Name, Node, Text, Unary


def call(checking: Checking, node: Call) -> Nature:
    if isinstance(node.callee, Name) and node.callee.name == "$env":
        raise mismatch("$env is not callable")
    callee = checking.visit(node.callee)
    if callee.is_unknown:
        return UNKNOWN
    if callee.builtin is not None:
        raise mismatch(f"{callee.builtin} is called by its own name only")
    if callee.function is None:
        raise mismatch(f"{callee} is not callable")
    name = callee.function.name
    return matched_overload(checking, name, ((callee.function.parameters, callee.function.result),), node.arguments)


def matched_overload(checking: Checking, name: str, overloads: tuple[Overload, ...], arguments: list[Node]) -> Nature:
    last: Refused | None = None
    offered = _Offered(checking, arguments)
    for parameters, result in overloads:
        try:
            _check_arguments(offered, name, parameters)
        except _Unfit as unfit:
            last = unfit
        else:
            return Nature(result)
    raise mismatch(str(last))


def validated(checking: Checking, node: Builtin) -> Nature:
    offered = [checking.visit(argument) for argument in node.arguments]
    return VALIDATED[node.name](node.name, [ANY if nature.is_unknown else nature for nature in offered])


def get(checking: Checking, node: Builtin) -> Nature:
    if len(node.arguments) != len(("base", "key")):
        raise mismatch(f"invalid number of arguments of get (expected 2, got {len(node.arguments)})")
    base, key = (checking.visit(argument) for argument in node.arguments)
    first, second = node.arguments
    if isinstance(first, Name) and first.name == "$env":
        return checking.environment.get(second.value, UNKNOWN) if isinstance(second, Text) else UNKNOWN
    if base.is_unknown:
        return UNKNOWN
    if base.is_array and (key.is_integer or key.is_unknown):
        return base.element
    if base.is_map and (key.assignable_to(base.key) or key.is_unknown):
        return base.element
    raise mismatch(f"cannot get {key} from {base}")


class _Unfit(Refused):
    """This overload doesn't take the arguments; another may."""

    def __init__(self, message: str) -> None:
        Refused.__init__(self, mismatch("").fault.kind, message)


class _Offered:
    """Arguments, each looked at when first asked for, and once: overloads within overloads would take for ever."""

    def __init__(self, checking: Checking, arguments: list[Node]) -> None:
        self.arguments = arguments
        self._checking = checking
        self._natures: dict[int, Nature] = {}

    def nature(self, position: int) -> Nature:
        if position not in self._natures:
            self._natures[position] = self._checking.visit(self.arguments[position])
        return self._natures[position]


def _check_arguments(offered: _Offered, name: str, parameters: tuple[str, ...]) -> None:
    count = len(offered.arguments)
    if count != len(parameters):
        for position in range(count):
            offered.nature(position)
        raise _Unfit(f"{'too many' if count > len(parameters) else 'not enough'} arguments to call {name}")
    for position, parameter in enumerate(parameters):
        nature = offered.nature(position)
        if parameter == "float64" and nature.is_integer:
            offered.arguments[position] = _as_float(offered.arguments[position])
        elif not _fits(nature, Nature(parameter)):
            raise _Unfit(f"cannot use {nature} as argument (type {parameter}) to call {name}")


def _fits(offered: Nature, wanted: Nature) -> bool:
    if offered.nil:
        return wanted.type in ("any", "location")
    if wanted.is_integer and offered.is_integer:
        return True
    return offered.is_unknown or offered.assignable_to(wanted)


def _as_float(node: Node) -> Node:
    if isinstance(node, Integer):
        changed = Float(float(node.value))
        changed.nature = FLOAT
        return changed
    if isinstance(node, Unary):
        node.operand = _as_float(node.operand)
    elif isinstance(node, Binary) and node.operator in ("+", "-", "*"):
        node.left, node.right = _as_float(node.left), _as_float(node.right)
    return node
