"""The objects of one kind as last seen, with indexes; pure.

The reflector fills it and hands the changes on; services read from it. It is a cache: a decision that raises risk reads
live from the API server first.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, NamedTuple, TypeVar

from tidegate_chassis.kubernetes.objects import KubernetesObject

__all__ = ["Change", "IndexFunction", "Key", "Store"]

T = TypeVar("T", bound=KubernetesObject)

Key = tuple[str, str]  # namespace and name
IndexFunction = Callable[[T], Iterable[str]]


class Change(NamedTuple, Generic[T]):
    """What happened to one object; `old` is None when it is new, `new` is None when it is gone."""

    old: T | None
    new: T | None


class Store(Generic[T]):
    """Objects by namespace and name.

    Args:
        indexes: By name, a function that says under which values an object is to be found.
    """

    def __init__(self, indexes: Mapping[str, IndexFunction[T]] | None = None) -> None:
        self._objects: dict[Key, T] = {}
        self._index_functions = dict(indexes or {})
        self._indexes: dict[str, dict[str, set[Key]]] = {name: {} for name in self._index_functions}

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, namespace: str | None, name: str) -> T | None:
        return self._objects.get((namespace or "", name))

    def all(self, namespace: str | None = None) -> list[T]:
        return [found for key, found in self._objects.items() if namespace is None or key[0] == namespace]

    def by_index(self, index: str, value: str) -> list[T]:
        """Every object that the index function put under this value."""
        return [self._objects[key] for key in self._indexes[index].get(value, ())]

    def put(self, new: T) -> Change[T] | None:
        """Take an object as it is now; None when this version was known already."""
        key = new.metadata.key
        old = self._objects.get(key)
        if old is not None and old.metadata.resource_version == new.metadata.resource_version:
            return None
        self._unindex(key, old)
        self._objects[key] = new
        for name, function in self._index_functions.items():
            for value in function(new):
                self._indexes[name].setdefault(value, set()).add(key)
        return Change(old, new)

    def remove(self, key: Key) -> Change[T] | None:
        """Take an object out; None when it was not there."""
        old = self._objects.pop(key, None)
        self._unindex(key, old)
        return Change(old, None) if old is not None else None

    def replace(self, listed: Iterable[T], keep: Iterable[Key] = ()) -> list[Change[T]]:
        """Take a whole list: what is not on it, and not among `keep`, is gone."""
        present = set(keep)
        changes: list[Change[T] | None] = []
        for found in listed:
            present.add(found.metadata.key)
            old = self._objects.get(found.metadata.key)
            if old is not None and old.metadata.uid != found.metadata.uid:
                changes.append(self.remove(found.metadata.key))  # a namesake: the first one's end was missed
            changes.append(self.put(found))
        changes += [self.remove(key) for key in [*self._objects] if key not in present]
        return [change for change in changes if change is not None]

    def _unindex(self, key: Key, old: T | None) -> None:
        if old is None:
            return
        for name, function in self._index_functions.items():
            index = self._indexes[name]
            for value in function(old):
                index[value].discard(key)
                if not index[value]:
                    del index[value]
