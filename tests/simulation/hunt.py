"""Plays seeds with one planted bug until it is found, and says which seed did it: `python
tests/simulation/hunt.py NAME`.

The bug is planted while its module is imported: nothing on disk changes, and nobody else sees it.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).parent))

from saga_model.mutants import BY_NAME, SEEDS_MAX, Hunt, Mutant
from saga_model.sweep import swept


class Planter(importlib.abc.MetaPathFinder):
    """Finds the mutant's module, and loads it from changed source."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.mutant.module:
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        assert found is not None
        assert found.origin is not None
        return importlib.util.spec_from_file_location(
            fullname, found.origin, loader=_Changed(fullname, found.origin, self.mutant)
        )


class _Changed(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, mutant: Mutant) -> None:
        super().__init__(fullname, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> object:
        source = Path(self.get_filename(fullname)).read_text(encoding="utf-8")
        count = source.count(self._mutant.old)
        assert count == 1, f"{self._mutant.name}: {count} places to plant it in {fullname}"
        return compile(source.replace(self._mutant.old, self._mutant.new), self.get_filename(fullname), "exec")


def main() -> None:
    mutant = BY_NAME[sys.argv[1]]
    sys.meta_path.insert(0, Planter(mutant))
    from saga_model.schedule import run  # noqa: PLC0415 - only now may the changed module be imported

    for seed in swept(range(mutant.first, mutant.first + SEEDS_MAX)):
        violation = _played(run, seed)
        if violation:
            sys.stdout.write(json.dumps(Hunt(mutant.name, seed, seed + 1 - mutant.first, violation[:120])._asdict()))
            return
    sys.stdout.write(json.dumps(Hunt(mutant.name, None, SEEDS_MAX, "")._asdict()))


def _played(run: object, seed: int) -> str:
    """An error of the code's own checks counts, too: it stops the rollout before it does harm."""
    try:
        return str(run(seed).violation)  # type: ignore[operator]
    except Exception as error:  # noqa: BLE001 - a planted bug may break anything
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main()
