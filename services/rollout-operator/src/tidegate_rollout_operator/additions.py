"""What our manifest has beyond Kruise's: analyses, a bake and deadlines, in Kruise's spelling, as a request says them.

Pure; called by `translate`. A field that is left out keeps the default of the contracts.
"""

from typing import Any, Final, Literal, TypeVar

import msgspec

from tidegate_contracts.rollout import Analysis, Bake, Check, Deadlines, PodHealth
from tidegate_contracts.templates import TemplateArgument, TemplateReference
from tidegate_rollout_operator.kruise import AnalysisBlock, BakeBlock, DeadlinesBlock

SECONDS: Final = "_seconds"
_ON_FAILURE: Final[dict[str, Literal["roll_back", "pause", "go_on"]]] = {
    "RollBack": "roll_back",
    "Pause": "pause",
    "GoOn": "go_on",
}

_Said = TypeVar("_Said", bound=msgspec.Struct)


def analysis_of(block: AnalysisBlock | None) -> Analysis | None:
    if block is None:
        return None
    health = _said(PodHealth, block.pod_health) if block.pod_health is not None else None
    return Analysis(
        checks=tuple(_said(Check, check) for check in block.checks),
        pod_health=health,
        templates=tuple(_said(TemplateReference, template) for template in block.templates),
        arguments=tuple(_said(TemplateArgument, argument) for argument in block.arguments),
        dry_run=block.dry_run,
        quirks=block.quirks or "argo",
        on_failure=_ON_FAILURE.get(block.on_failure or ""),
        on_inconclusive="roll_back" if block.on_inconclusive == "RollBack" else "pause",
        answer_within_s=block.answer_within_seconds or 0.0,
        extend_once=block.extend_once or False,
    )


def bake_of(block: BakeBlock | None) -> Bake | None:
    if block is None:
        return None
    return Bake(duration_s=block.duration_seconds, analysis=analysis_of(block.analysis))


def deadlines_of(block: DeadlinesBlock | None) -> Deadlines:
    return _said(Deadlines, block) if block is not None else Deadlines()


def _said(kind: type[_Said], block: msgspec.Struct) -> _Said:
    """The same fields under the request's names, which end in `_s` for seconds."""
    given: dict[str, Any] = {name: value for name, value in msgspec.structs.asdict(block).items() if value is not None}
    return kind(
        **{f"{name.removesuffix(SECONDS)}_s" if name.endswith(SECONDS) else name: given[name] for name in given}
    )
