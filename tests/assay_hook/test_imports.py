from __future__ import annotations

from typing import Any

BEGIN = """
    import importlib, importlib.util, sys
    from assay_hook import imports
    told = []
    note = lambda module: told.append((module.X, module.__loader__, module.__spec__.loader))
    imports.after_import("part", note)
"""


def _run(hook: Any, text: str) -> str:
    hook.write("part.py", "X = 1\n")
    seen = hook.program(BEGIN + text)
    assert seen.stderr == ""
    return str(seen.stdout)


def test_a_callback_sees_the_whole_module_as_it_would_be(any_hook: Any) -> None:
    """It runs once, after the module's code, and the loaders are the original ones everywhere."""
    text = """
    import part
    import part
    importlib.reload(part)
    loader = importlib.util.find_spec("part").loader
    print(len(told), told[0][0], type(told[0][1]).__name__, told[0][1] is told[0][2], type(loader).__name__)
    imports.after_import("part", lambda module: print("at once", module is part))
    """
    expected = "1 1 SourceFileLoader True SourceFileLoader\nat once True\n"
    assert _run(any_hook, text) == expected


def test_looking_for_a_module_shows_its_own_loader(any_hook: Any) -> None:
    """find_spec without an import gives what looks and acts like the original loader, and tells nobody."""
    text = """
    import copy, importlib.machinery
    spec = importlib.util.find_spec("part")
    print(isinstance(spec.loader, importlib.machinery.SourceFileLoader), spec.loader.get_source("part"), told)
    copy.copy(spec.loader)
    """
    assert _run(any_hook, text) == "True X = 1\n []\n"


def test_a_lazy_module_is_told_of_when_it_is_used(any_hook: Any) -> None:
    """With importlib's LazyLoader the callback waits for the first look at the module."""
    text = """
    spec = importlib.util.find_spec("part")
    loader = importlib.util.LazyLoader(spec.loader)
    spec.loader = loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["part"] = module
    loader.exec_module(module)
    print(len(told), end=" ")
    print(module.X, len(told))
    """
    assert _run(any_hook, text) == "0 1 1\n"


def test_a_failed_import_may_succeed_later(any_hook: Any) -> None:
    """An exception of the module passes through unchanged, and the next attempt is told of."""
    any_hook.write("shaky.py", "import sys\nif not hasattr(sys, 'ready'): raise OSError('not yet')\n")
    text = """
    imports.after_import("shaky", lambda module: print("told"))
    try:
        import shaky
    except OSError as error:
        print(error, "shaky" in sys.modules)
    sys.ready = True
    import shaky
    """
    assert _run(any_hook, text) == "not yet False\ntold\n"


def test_circular_imports_and_packages_work(any_hook: Any) -> None:
    """A package that imports itself through a submodule is told of when all of it is there."""
    any_hook.write("ring/__init__.py", "import ring.one\nDONE = True\n")
    any_hook.write("ring/one.py", "import ring\nfrom assay_hook import imports\n")
    any_hook.write("ring/data.txt", "resource")
    text = """
    imports.after_import("ring", lambda module: print(module.DONE, module.__path__ == [module.__path__[0]]))
    imports.after_import("ring.one", lambda module: print("one", hasattr(module.ring, "DONE")))
    import ring, pkgutil
    names = [each.name for each in pkgutil.iter_modules(ring.__path__)]
    print(pkgutil.get_data("ring", "data.txt").decode(), names)
    """
    assert _run(any_hook, text) == "one False\nTrue True\nresource ['one']\n"


def test_a_failing_callback_is_noted_and_swallowed(any_hook: Any) -> None:
    """The program's import succeeds, and what failed is said once."""
    any_hook.write("part.py", "X = 1\n")
    seen = any_hook.program(BEGIN + "    imports.after_import('part', lambda m: m.no)\n    import part\n")
    assert (seen.status, seen.stderr) == (0, "")
    assert "could not be observed: AttributeError" in seen.missed()
