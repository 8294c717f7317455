"""The planted bugs still have a place to be planted in: the first to fail when their code is written anew."""

import importlib.util
from pathlib import Path

import pytest
from saga_model.mutants import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_bug_has_exactly_one_place(mutant: Mutant) -> None:
    found = importlib.util.find_spec(mutant.module)
    assert found is not None
    assert found.origin is not None
    assert Path(found.origin).read_text(encoding="utf-8").count(mutant.old) == 1
    assert mutant.old != mutant.new
