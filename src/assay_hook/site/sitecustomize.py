"""Starts Assay's hook in a recorded Python process, then makes way for the sitecustomize that is there.

This file must run, and do nothing, under any Python: a recorded program may start an old one.
"""  # noqa: INP001  the folder is put on the path, and holds this file alone
# mypy: ignore-errors

import os
import sys


def _start_hook(folder):  # noqa: ANN001, ANN202  read by old Pythons too
    """Load the package assay_hook, and it alone, from the folder above this one, and start it."""
    if sys.version_info < (3, 8) or not os.environ.get("ASSAY_HOOK"):
        return
    from importlib.util import module_from_spec, spec_from_file_location

    package = os.path.dirname(folder)
    spec = spec_from_file_location(
        "assay_hook", os.path.join(package, "__init__.py"), submodule_search_locations=[package]
    )
    module = module_from_spec(spec)
    sys.modules["assay_hook"] = module
    try:
        spec.loader.exec_module(module)
        from assay_hook.start import start
    except BaseException:
        for name in [name for name in sys.modules if name.partition(".")[0] == "assay_hook"]:
            del sys.modules[name]
        raise
    start()


def _make_way():  # noqa: ANN202
    """Take this folder off the path, start the hook, and import the sitecustomize that comes next."""
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [place for place in sys.path if os.path.abspath(place or ".") != folder]
    sys.path_importer_cache.pop(folder, None)
    try:
        _start_hook(folder)
    except Exception:  # noqa: BLE001, S110  the program runs as if nothing were there
        pass
    keep = sys.modules.pop("sitecustomize", None)  # Python 2 clears a module that nobody holds
    import sitecustomize

    # Where there is none, this ImportError leaves things as site.py expects them without the hook.
    return keep, sitecustomize


_make_way()
