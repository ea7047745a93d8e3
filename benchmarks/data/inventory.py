"""Keeps count of what is in the shop."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Item:
    """One kind of thing on the shelf."""

    sku: str
    name: str
    price_cents: int
    tags: list[str] = field(default_factory=list)


class Inventory:
    """All items and how many of each there are."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._counts: defaultdict[str, int] = defaultdict(int)

    def add(self, item: Item, count: int = 1) -> None:
        """Put `count` of `item` on the shelf."""
        self._items[item.sku] = item
        self._counts[item.sku] += count

    def remove(self, sku: str, count: int = 1) -> None:
        """Take `count` off the shelf."""
        if self._counts[sku] < count:
            raise ValueError(f"only {self._counts[sku]} of {sku}")
        self._counts[sku] -= count

    def value(self) -> int:
        """What everything is worth, in cents."""
        return sum(item.price * self._counts[sku] for sku, item in self._items.items())

    def tagged(self, tag: str) -> list[Item]:
        """The items with a tag, cheapest first."""
        found = [item for item in self._items.values() if tag in item.tags]
        return sorted(found, key=lambda item: item.price_cents)


def load(path: Path) -> Inventory:
    """Read an inventory from a file."""
    inventory = Inventory()
    for row in json.loads(path.read_text()):
        count = row.pop("count", 1)
        inventory.add(Item(**row), count)
    return inventory
