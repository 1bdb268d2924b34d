"""One registry a kind: built-in names, plug-ins by entry point, and a suggestion for a typo.

The entry-point name is the registered name; only the named one is loaded. A collision raises.
"""

from __future__ import annotations

import importlib
from functools import cache
from importlib import metadata
from typing import Any

import msgspec

from assay.foundation.errors import UnknownNameError, UsageError


class Registered(msgspec.Struct, frozen=True):
    """A component by name: where it is, and the distribution that brings it."""

    name: str
    target: str
    distribution: str
    version: str

    def load(self) -> Any:
        """Import and return the component."""
        module, _, attribute = self.target.partition(":")
        return getattr(importlib.import_module(module), attribute)


class Registry:
    """The names of one kind of component, such as 'strategy'."""

    def __init__(self, kind: str, group: str, builtin: dict[str, str]) -> None:
        self.kind = kind
        self.group = group
        self._builtin = builtin

    @cache  # noqa: B019  registries are module-level constants and live as long as the process
    def _all(self) -> dict[str, Registered]:
        own = metadata.version("assay")
        found = {name: Registered(name, target, "assay", own) for name, target in self._builtin.items()}
        for point in metadata.entry_points(group=self.group):
            distribution = point.dist.name if point.dist else "unknown"
            version = point.dist.version if point.dist else "unknown"
            if point.name in found:
                raise UsageError(
                    f"two distributions register the {self.kind} '{point.name}'",
                    where=f"{found[point.name].distribution} and {distribution}",
                    hint="uninstall one of them",
                )
            found[point.name] = Registered(point.name, point.value, distribution, version)
        return found

    def names(self) -> list[str]:
        """Return every registered name, sorted."""
        return sorted(self._all())

    def find(self, name: str) -> Registered:
        """Return the component registered as `name`; suggests the nearest name when unknown."""
        found = self._all().get(name)
        if found is None:
            raise UnknownNameError(self.kind, name, self._all())
        return found
