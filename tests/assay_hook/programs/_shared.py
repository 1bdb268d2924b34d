"""What the programs have in common: their arguments, small data, and the digest of their weights."""

from __future__ import annotations

import argparse
import hashlib


def arguments(steps: int = 20, **more: object) -> argparse.Namespace:
    """Return the seed and the number of steps that a program was given."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=steps)
    for name, default in more.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    return parser.parse_args()


def digest(arrays: object) -> str:
    """Return the SHA-256 of arrays or tensors in order."""
    hasher = hashlib.sha256()
    for array in arrays:  # type: ignore[attr-defined]
        hasher.update(array.detach().numpy().tobytes() if hasattr(array, "detach") else array.tobytes())
    return hasher.hexdigest()
