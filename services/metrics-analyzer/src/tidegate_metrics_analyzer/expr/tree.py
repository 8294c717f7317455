"""The parts of an expression's tree. Pure; made by `parser`, given their natures by `checker`, rewritten by
`rewriting`.

Nodes are mutable on purpose: checking finds out what each is, and an integer that stands where a float is asked for
becomes one. Each evaluation against another type of result starts from a tree of its own.
"""

from dataclasses import dataclass, field

from tidegate_metrics_analyzer.expr.natures import UNKNOWN, Nature
from tidegate_metrics_analyzer.expr.values import Value


@dataclass(slots=True)
class Node:
    nature: Nature = field(default=UNKNOWN, init=False)


@dataclass(slots=True)
class Nil(Node):
    pass


@dataclass(slots=True)
class Name(Node):
    name: str


@dataclass(slots=True)
class Integer(Node):
    value: int


@dataclass(slots=True)
class Float(Node):
    value: float


@dataclass(slots=True)
class Boolean(Node):
    value: bool


@dataclass(slots=True)
class Text(Node):
    value: str


@dataclass(slots=True)
class Bytes(Node):
    value: bytes


@dataclass(slots=True)
class Constant(Node):
    """What rewriting found out beforehand."""

    value: Value


@dataclass(slots=True)
class Unary(Node):
    operator: str
    operand: Node


@dataclass(slots=True)
class Binary(Node):
    operator: str
    left: Node
    right: Node


@dataclass(slots=True)
class Chain(Node):
    """The reach of `?.`: where it meets nil, the whole chain is nil."""

    inner: Node


@dataclass(slots=True)
class Member(Node):
    base: Node
    key: Node
    optional: bool = False
    method: bool = False


@dataclass(slots=True)
class Cut(Node):
    """A slice: `base[start:end]`."""

    base: Node
    start: Node | None
    end: Node | None


@dataclass(slots=True)
class Call(Node):
    callee: Node
    arguments: list[Node]


@dataclass(slots=True)
class Builtin(Node):
    name: str
    arguments: list[Node]
    strict: bool = False
    """Of find and findLast: nothing found is a fault."""
    then: Node | None = None
    """Of filter, find and findLast: what becomes of each item found."""
    enough: int | None = None
    """Of count: no need to count further."""


@dataclass(slots=True)
class Predicate(Node):
    body: Node


@dataclass(slots=True)
class Pointer(Node):
    """`#`, `#index` or `#acc`."""

    name: str


@dataclass(slots=True)
class Declaration(Node):
    name: str
    value: Node
    body: Node


@dataclass(slots=True)
class Sequence(Node):
    nodes: list[Node]


@dataclass(slots=True)
class Conditional(Node):
    condition: Node
    then: Node
    otherwise: Node


@dataclass(slots=True)
class Array(Node):
    items: list[Node]


@dataclass(slots=True)
class Pair(Node):
    key: Node
    value: Node


@dataclass(slots=True)
class Map(Node):
    pairs: list[Pair]


def children(node: Node) -> list[Node]:
    """The nodes directly below, in the order in which they stand."""
    found: list[Node] = []
    for name in node.__slots__:
        part = getattr(node, name)
        if isinstance(part, Node):
            found.append(part)
        elif isinstance(part, list):
            found.extend(part)
    return found


def fingerprint(node: Node) -> str:
    """The same for trees that are written the same."""
    parts = [getattr(node, name) for name in node.__slots__ if name != "nature"]
    shown = [fingerprint(part) if isinstance(part, Node) else _shown(part) for part in parts]
    return f"{type(node).__name__}({', '.join(shown)})"


def _shown(part: object) -> str:
    if isinstance(part, list):
        return f"[{', '.join(fingerprint(item) for item in part)}]"
    items = getattr(part, "items", None)
    return repr(items) if isinstance(items, list) else repr(part)
