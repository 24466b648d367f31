"""How the text of one module reaches entries and other modules."""

from __future__ import annotations

from polydl.emission.emitted import Axes, Binding
from polydl.emission.units import Unit, UnitTable


def place(units: UnitTable, user: Unit, path: str) -> tuple[str, Axes]:
    """The text that reaches an entry from a module's own code, and its order of axes there."""
    owner = units.owner(path)
    target = next((t for t, used in user.borrowed.items() if used is owner), "")
    found = native_entry(units, owner, path)
    return ".".join(["self", *way(units, user, owner, target), found.native]), found.axes


def native_entry(units: UnitTable, owner: Unit, path: str) -> Binding:
    """An entry's attribute in its owner's native object, and how it lies there."""
    if owner.native is not None:
        return Binding(*owner.native.weights[path.removeprefix(f"{owner.path}.")])
    return Binding(units.entry_names[path])


def way(units: UnitTable, user: Unit, unit: Unit, target: str) -> list[str]:
    """Attributes that lead from a module's own code to another module."""
    if user in unit.ancestors():
        return unit.chain(user)
    return [units.borrowed_name(target)]
