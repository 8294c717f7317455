"""What our manifest has beyond Kruise's: analyses, a bake and deadlines, in Kruise's spelling, as a request says them.

Pure; called by `translate`. A field that is left out keeps the default of the contracts.
"""

from typing import Any, Final, Literal, TypeVar

import msgspec
from msgspec.structs import replace

from tidegate_contracts.comparison import Comparison
from tidegate_contracts.outside import AlertWatch, AwaitedVerdict
from tidegate_contracts.rollout import Analysis, Bake, Check, Deadlines, PodHealth
from tidegate_contracts.score import Score
from tidegate_contracts.templates import TemplateArgument, TemplateReference
from tidegate_rollout_operator.blocks import AnalysisBlock, BakeBlock, CheckBlock, DeadlinesBlock

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
    return Analysis(
        checks=tuple(map(_check_of, block.checks)),
        pod_health=_said(PodHealth, block.pod_health) if block.pod_health is not None else None,
        templates=tuple(_said(TemplateReference, template) for template in block.templates),
        arguments=tuple(_said(TemplateArgument, argument) for argument in block.arguments),
        dry_run=block.dry_run,
        quirks=block.quirks or "argo",
        verdicts=tuple(_said(AwaitedVerdict, verdict) for verdict in block.verdicts),
        alerts=tuple(_said(AlertWatch, alert) for alert in block.alerts),
        baseline=block.baseline or "stable",
        score=_said(Score, block.score) if block.score is not None else None,
        on_failure=_ON_FAILURE.get(block.on_failure or ""),
        on_inconclusive="roll_back" if block.on_inconclusive == "RollBack" else "pause",
        answer_within_s=block.answer_within_seconds or 0.0,
        extend_once=block.extend_once or False,
    )


def _check_of(block: CheckBlock) -> Check:
    compare = _said(Comparison, block.compare) if block.compare is not None else None
    return replace(_said(Check, replace(block, compare=None)), compare=compare)


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
