"""A search in any language, in its own environment: a command that speaks JSON lines.

Assay starts the command in the study's folder. Each line is one JSON object.

    to the command      {"problem": {"space", "benchmark", "signal", "maximize", "budget", "seed",
                         "hyperparameters", "size", "factors", "first"}}
    from the command    {"evaluate": "published form"}
    to the command      {"value": 91.2, "score": 91.2, "cost": 1.0, "left": 199}
                        {"failure": "missing", "why": "...", "cost": 1.0, "left": 199}
                        {"error": "..."}     the line was not understood; nothing was charged
                        {"stop": "the budget is spent"}
    from the command    {"recommend": "published form"}     the end; without it, the best evaluated

The command ends by recommending, or by closing its output. What it writes to standard error passes
through. `size` and `factors` are given where the space has them.
"""

from __future__ import annotations

import contextlib
import json
import math
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

from assay.capture.secrets import scrub_arguments
from assay.contracts.evaluation import Evaluation
from assay.contracts.space import Enumerable, Factorised
from assay.foundation.errors import AssayError, CodeError
from assay.studies.session import BudgetSpent, Session

PATIENCE = 1_000


def run_command(
    session: Session,
    command: Sequence[str],
    folder: Path,
    facts: Mapping[str, Any],
    hyperparameters: Mapping[str, Any],
) -> None:
    """Let a command search with a session until it recommends or ends."""
    try:
        # A list of arguments, no shell: what stands in a study file is never interpreted.
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
    except OSError as error:
        raise CodeError(
            "the command cannot be started", where=_shown(command), why=error.strerror or str(error)
        ) from None
    lines, answers = cast("IO[str]", process.stdout), cast("IO[str]", process.stdin)
    try:
        _send(answers, {"problem": _problem(session, facts, hyperparameters)})
        misunderstood = 0
        for line in lines:
            answer = _answer(session, line)
            if answer is None:
                break
            _send(answers, answer)
            misunderstood = misunderstood + 1 if "error" in answer else 0
            if misunderstood == PATIENCE:
                raise CodeError(
                    f"the last {PATIENCE:,} lines of the command were not understood",
                    where=_shown(command),
                    why=str(answer["error"]),
                )
    finally:
        status = _end(process, answers, lines)
    if status != 0:
        raise CodeError(
            "the command failed",
            where=_shown(command),
            why=f"it ended with status {status} after {session.evaluations} evaluations",
            hint="what it wrote to standard error stands above",
        )


def _problem(
    session: Session, facts: Mapping[str, Any], hyperparameters: Mapping[str, Any]
) -> dict[str, Any]:
    space = session.space
    problem = {**facts, "space": space.name, "seed": session.seed, "hyperparameters": dict(hyperparameters)}
    if isinstance(space, Enumerable):
        problem["size"] = space.size
        problem["first"] = space.format(space.at(0))
    if isinstance(space, Factorised):
        problem["factors"] = [[factor.name, list(factor.choices)] for factor in space.factors]
    return problem


def _shown(command: Sequence[str]) -> str:
    return shlex.join(scrub_arguments(command))


def _answer(session: Session, line: str) -> dict[str, Any] | None:
    """Answer one line; None when it is the command's last."""
    try:
        message = json.loads(line)
        if "recommend" in message:
            session.recommend(message["recommend"])
            return None
        outcome = session.outcome(message["evaluate"])
    except BudgetSpent:
        return {"stop": "the budget is spent"}
    except AssayError as error:
        return {"error": error.what}
    except (ValueError, KeyError, TypeError):
        return {"error": 'not understood; expected {"evaluate": "..."} or {"recommend": "..."}'}
    left = session.left if math.isfinite(session.left) else None
    if isinstance(outcome, Evaluation):
        return {"value": outcome.value, "score": outcome.score, "cost": outcome.cost, "left": left}
    return {"failure": outcome.status.name.lower(), "why": outcome.reason, "cost": outcome.cost, "left": left}


def _send(pipe: IO[str], message: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # it ended; its exit status tells how
        pipe.write(json.dumps(message, allow_nan=False) + "\n")
        pipe.flush()


def _end(process: subprocess.Popen[str], answers: IO[str], lines: IO[str]) -> int:
    with contextlib.suppress(BrokenPipeError):
        answers.close()
    lines.close()
    try:
        return process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return 0  # it had its say; that it does not end is its own affair
