"""A comparison's evidence as a line for people. Pure; called by `draw` below the check's own line."""

from tidegate_contracts.comparison import Compared

_RULES = {"waiting": "nothing yet", "sequential": "the sequential test", "rank_test": "the rank test"}


def shown(compared: Compared) -> str:
    """Both samples, how often the canary was worse, and how far each test is from its limit."""
    p_value = "p not yet known" if compared.p_value is None else f"p {compared.p_value:.2g}"
    limit = "" if compared.p_limit is None else f" (fails at {compared.p_limit:g})"
    worse = {"increase": "higher", "decrease": "lower", "either": "different"}[compared.direction]
    return (
        f"canary: {compared.canary_points} points, median {compared.canary_median:g}; "
        f"stable: {compared.stable_points} points, median {compared.stable_median:g}; "
        f"canary {worse} beyond the tolerance in {compared.worse_percent:.0f} %; "
        f"odds {compared.odds:.3g} (fails at {compared.odds_limit:g}), {p_value}{limit}; "
        f"decided by {_RULES.get(compared.rule, compared.rule)}"
    )
