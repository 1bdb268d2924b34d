"""Protocol cards as people read them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from assay.benchmarks.quarrels import metric_text
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
    signals = [(one.name, metric_text(one) + ("" if one.maximize else ", minimised")) for one in card.signals]
    lines += [entry("signal", f"{', '.join(names)}: {text}") for text, names in _grouped(signals)]
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
    lines += _extras(card.extra_notes)
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


def _grouped(named: Sequence[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Return each text with the names that share it, in the order of the first of them."""
    groups: dict[str, list[str]] = {}
    for name, text in named:
        groups.setdefault(text, []).append(name)
    return list(groups.items())


def _extras(notes: Sequence[ExtraNote]) -> list[str]:
    """Return the extra columns, a line for those that differ in nothing but their device."""
    devices = {note.column: note.device for note in notes}
    texts = [(note.column, f"{note.title} [{note.unit}], {note.origin}") for note in notes]
    lines = []
    for text, names in _grouped(texts):
        if len(names) == 1:
            on = f" on {devices[names[0]]}" if devices[names[0]] else ""
            lines.append(entry("extra", f"{names[0]}: {text}{on}"))
        else:
            each = [f"{name} on {devices[name]}" if devices[name] else name for name in names]
            lines.append(entry("extra", f"{text}: {'; '.join(each)}"))
    return lines
