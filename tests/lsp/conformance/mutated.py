"""Runs the probe with one module of ours broken on purpose.

Arguments: the module, what is replaced in its source, and by what. Without arguments the probe runs
as it is.
"""

from __future__ import annotations

import importlib.util
import sys


def load_mutated(name: str, old: str, new: str) -> None:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    with open(spec.origin, encoding="utf-8") as file:  # noqa: PTH123  as few imports as can be
        source = file.read()
    assert source.count(old) == 1, f"{source.count(old)} times in {name}: {old}"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    package, _, last = name.rpartition(".")
    exec(compile(source.replace(old, new), spec.origin, "exec"), module.__dict__)
    setattr(sys.modules[package], last, module)


if __name__ == "__main__":
    if sys.argv[1:]:
        load_mutated(*sys.argv[1:])
    from tests.lsp.conformance import probe

    sys.exit(probe.main())
