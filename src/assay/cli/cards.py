"""Protocol cards as people read them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from assay.cli.output import visible
from assay.contracts.card import ExtraNote, ProtocolCard
from assay.contracts.evaluation import Fidelity

WIDTH = 110
_INDENT = " " * 12


def card_lines(card: ProtocolCard) -> list[str]:
    """Return what a card says, a label and a text a line, long texts broken."""
    task = card.task
    lines = [
        entry("task", f"{task.title} ({task.version}), family {task.family}, metric {task.metric}"),
        entry("space", card.space),
        entry("fidelity", fidelity_text(card.fidelities) + _continuing(card)),
    ]
    lines += [
        entry(
            "signal",
            f"{one.name}: {one.metric} on {one.split} [{one.unit}]{'' if one.maximize else ', minimised'}",
        )
        for one in card.signals
    ]
    if card.selection_on_test:
        lines.append(
            entry("warning", f"its signal is a test metric: {card.selection_on_test}. It compares no methods")
        )
    if card.test:
        lines += [
            entry("test", f"{card.test.metric} on {card.test.split} [{card.test.unit}]"),
            entry("", card.test.evidence),
        ]
    else:
        lines.append(entry("test", f"none: {card.no_test_because}"))
    lines += [entry("seeds", ", ".join(card.seeds.policies)), entry("", card.seeds.note)]
    cost = (
        f"{card.cost.column} [{card.cost.unit}]: {card.cost.rule}; the evaluation that crosses a budget is "
        f"{card.crossing}"
        if card.cost
        else "none; an evaluation counts as one"
    )
    lines.append(entry("cost", cost))
    noted = {note.column for note in card.extra_notes}
    lines += [entry("extra", _extra(note)) for note in card.extra_notes]
    lines += [entry("extra", name) for name in card.extras if name not in noted]
    lines.append(entry("source", card.source))
    lines += [entry("", f"{name}, SHA-256 {digest}") for name, digest in card.digest_of_source.items()]
    lines.append(entry("licence", card.licence))
    return lines + [entry("erratum", f"{one.summary} ({one.source})") for one in card.errata]


def entry(label: str, text: str) -> str:
    """Return a labelled text, broken into lines that are set beneath one another."""
    return textwrap.fill(
        visible(text),
        WIDTH,
        initial_indent=f"  {label:<10}",
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def fidelity_text(fidelities: Sequence[Fidelity]) -> str:
    """Return fidelities as people write them, runs of epochs as '200-epochs@1..199'."""
    parts: list[tuple[Fidelity, int | None]] = []
    for one in fidelities:
        if (
            parts
            and one.epoch is not None
            and parts[-1][1] == one.epoch - 1
            and _same_but_epoch(parts[-1][0], one)
        ):
            parts[-1] = (parts[-1][0], one.epoch)
        else:
            parts.append((one, one.epoch))
    return ", ".join(first.text() if first.epoch == last else _range(first, last) for first, last in parts)


def _same_but_epoch(first: Fidelity, second: Fidelity) -> bool:
    return (first.schedule, first.data_fraction, first.width) == (
        second.schedule,
        second.data_fraction,
        second.width,
    )


def _range(first: Fidelity, last: int | None) -> str:
    return first.text().replace(f"@{first.epoch}", f"@{first.epoch}..{last}", 1)


def _continuing(card: ProtocolCard) -> str:
    if len(card.fidelities) == 1:
        return ""
    if card.prefix:
        return "; the first is the default, and a later epoch continues an earlier one of the same schedule"
    return "; the first is the default, and each is trained from the start"


def _extra(note: ExtraNote) -> str:
    device = f" on {note.device}" if note.device else ""
    return f"{note.column}: {note.title} [{note.unit}], {note.origin}{device}"
