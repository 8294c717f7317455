"""What the parts of the checker share: the environment's natures, declared variables, the predicates around a node.
Pure.

`checker` fills it in; `checking_operators`, `checking_calls` and `checking_predicates` are handed it, and visit
through it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from tidegate_metrics_analyzer.expr.natures import Nature
from tidegate_metrics_analyzer.expr.tree import Node


@dataclass(frozen=True, slots=True)
class Around:
    """A predicate's surroundings: the collection it is asked of, and what `#index` and `#acc` are there."""

    collection: Nature
    named: Mapping[str, Nature]


@dataclass(slots=True)
class Checking(ABC):
    environment: Mapping[str, Nature]
    variables: list[tuple[str, Nature]] = field(default_factory=list)
    predicates: list[Around] = field(default_factory=list)

    @abstractmethod
    def visit(self, node: Node) -> Nature:
        """Notes the node's nature on it."""
