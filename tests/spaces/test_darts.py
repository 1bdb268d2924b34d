"""DARTS against published genotypes, the configurations of NAS-Bench-301, and its own rules."""

from __future__ import annotations

import contextlib
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contracts.space import AsGraph, Crossable, Enumerable, Factorised, Mutable, Neighbours
from assay.foundation.errors import UnknownNameError, UsageError
from assay.foundation.seeding import Stream
from assay.spaces.darts import NODES, OPERATIONS, DartsSpace, Genotype
from assay.spaces.encodings import path_encoding
from assay.testing.spaces import SpaceSuite

SPACE = DartsSpace()
BASE = "NetworkSelectorDatasetInfo:darts:"

# quark0/darts, cnn/genotypes.py
DARTS_V1 = (
    "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), ('sep_conv_3x3', 1),"
    " ('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)],"
    " normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2),"
    " ('max_pool_3x3', 0), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2),"
    " ('avg_pool_3x3', 0)], reduce_concat=[2, 3, 4, 5])"
)
DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1),"
    " ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)],"
    " normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2),"
    " ('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2),"
    " ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)
PUBLISHED = {
    "DARTS_V1": DARTS_V1,
    "DARTS_V2": DARTS_V2,
    # yuhuixu1993/PC-DARTS, genotypes.py
    "PC_DARTS_cifar": (
        "Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 0), ('dil_conv_3x3', 1),"
        " ('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('avg_pool_3x3', 0), ('dil_conv_3x3', 1)],"
        " normal_concat=range(2, 6), reduce=[('sep_conv_5x5', 1), ('max_pool_3x3', 0), ('sep_conv_5x5', 1),"
        " ('sep_conv_5x5', 2), ('sep_conv_3x3', 0), ('sep_conv_3x3', 3), ('sep_conv_3x3', 1),"
        " ('sep_conv_3x3', 2)], reduce_concat=range(2, 6))"
    ),
    # chenxin061/pdarts, genotypes.py, blanks as there
    "PDARTS": (
        "Genotype(normal=[('skip_connect', 0), ('dil_conv_3x3', 1), ('skip_connect', 0),('sep_conv_3x3', 1),"
        " ('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3',0), ('dil_conv_5x5', 4)],"
        " normal_concat=range(2, 6), reduce=[('avg_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_3x3', 0),"
        " ('dil_conv_5x5', 2), ('max_pool_3x3', 0), ('dil_conv_3x3', 1), ('dil_conv_3x3', 1),"
        " ('dil_conv_5x5', 3)], reduce_concat=range(2, 6))"
    ),
    # D-X-Y/AutoDL-Projects, xautodl/nas_infer_model/DXYs/genotypes.py: pairs by node, and two more fields
    "GDAS_V1": """GDAS_V1 = Genotype(
  normal=[
    (('skip_connect', 0), ('skip_connect', 1)),
    (('skip_connect', 0), ('sep_conv_5x5', 2)),
    (('sep_conv_3x3', 3), ('skip_connect', 0)),
    (('sep_conv_5x5', 4), ('sep_conv_3x3', 3))],
  normal_concat=[2, 3, 4, 5],
  reduce=[
    (('sep_conv_5x5', 0), ('sep_conv_3x3', 1)),
    (('sep_conv_5x5', 2), ('sep_conv_5x5', 1)),
    (('dil_conv_5x5', 2), ('sep_conv_3x3', 1)),
    (('sep_conv_5x5', 0), ('sep_conv_5x5', 1))],
  reduce_concat=[2, 3, 4, 5],
  connectN=None, connects=None
)""",
}


@st.composite
def genotypes(draw):
    """Return a genotype as two lists of eight pairs, those of a node in any order."""
    cells = []
    for _ in range(2):
        pairs = []
        for node in NODES:
            inputs = draw(st.permutations(range(node)))[:2]
            pairs += [(draw(st.sampled_from(OPERATIONS)), source) for source in inputs]
        cells.append(pairs)
    return cells


def printed(normal, reduce):
    """Return what DARTS prints for two cells."""
    return f"Genotype(normal={normal}, normal_concat=range(2, 6), reduce={reduce}, reduce_concat=range(2, 6))"


class TestDarts(SpaceSuite):
    def make_space(self):
        return DartsSpace()


def test_size():
    """Inputs 1, 3, 6 and 10 ways, and 7^2 operations for each node, of two cells: about 10^18."""
    assert SPACE.size == (1 * 3 * 6 * 10 * 7**8) ** 2 == 1_076_746_950_455_072_400
    assert SPACE.size == np.prod([len(factor.choices) for factor in SPACE.factors], dtype=object)


def test_capabilities():
    """All but an index, over which nobody walks."""
    for capability in (Mutable, Neighbours, Crossable, AsGraph, Factorised):
        assert isinstance(SPACE, capability)
    assert not isinstance(SPACE, Enumerable)


def test_operations_are_those_of_nas_bench_301():
    """The seven operations of DARTS but 'none', in its order."""
    # automl/nasbench301, nasbench301/representations.py, OPS
    assert OPERATIONS == (
        "max_pool_3x3", "avg_pool_3x3", "skip_connect",
        "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5",
    )  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_genotypes(name):
    """Genotypes of publications are read with all of their pairs, and print as DARTS would print them."""
    arch = SPACE.parse(PUBLISHED[name])
    assert SPACE.contains(arch)
    text = SPACE.format(arch)
    assert SPACE.parse(text) == arch
    assert text.startswith("Genotype(normal=[('")
    assert ", normal_concat=range(2, 6), reduce=[" in text
    pairs = [(op, int(source)) for op, source in re.findall(r"\(.(\w+).,\s*(\d)\)", PUBLISHED[name])]
    for cell, own in ((pairs[:8], arch.normal), (pairs[8:], arch.reduce)):
        assert [set(cell[i : i + 2]) for i in range(0, 8, 2)] == [set(own[i : i + 2]) for i in range(0, 8, 2)]


def test_the_earlier_input_comes_first():
    """The canonical order of DARTS_V1 differs from the printed one in four nodes."""
    assert SPACE.parse(DARTS_V1) == Genotype(
        normal=(
            ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("skip_connect", 0), ("sep_conv_3x3", 1),
            ("skip_connect", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("skip_connect", 2),
        ),
        reduce=(
            ("max_pool_3x3", 0), ("max_pool_3x3", 1), ("max_pool_3x3", 0), ("skip_connect", 2),
            ("max_pool_3x3", 0), ("skip_connect", 2), ("avg_pool_3x3", 0), ("skip_connect", 2),
        ),
    )  # fmt: skip


@given(genotypes(), st.booleans())
def test_pairs_of_a_node_have_no_order(cells, quoted):
    """Swapping the pairs of a node, other quotes and blanks, give the same architecture."""
    arch = SPACE.arrange(*cells)
    swapped = [[pair for i in range(0, 8, 2) for pair in (cell[i + 1], cell[i])] for cell in cells]
    text = printed(*swapped)
    if quoted:
        text = "genotype = " + text.replace("'", '"').replace(", ", " ,\n ").replace("=", " = ")
    assert SPACE.parse(text) == SPACE.parse(printed(*cells)) == SPACE.arrange(*swapped) == arch
    assert SPACE.parse(SPACE.format(arch)) == arch


def test_configuration_of_the_published_example():
    """DARTS_V2 becomes the dictionary that NAS-Bench-301 makes of it."""
    # Recorded from convert_genotype_to_config of automl/nasbench301, nasbench301/representations.py.
    arch = SPACE.parse(DARTS_V2)
    assert SPACE.configuration(arch) == {
        f"{BASE}edge_normal_0": "sep_conv_3x3", f"{BASE}edge_normal_1": "sep_conv_3x3",
        f"{BASE}edge_normal_2": "sep_conv_3x3", f"{BASE}edge_normal_3": "sep_conv_3x3",
        f"{BASE}inputs_node_normal_3": "0_1",
        f"{BASE}edge_normal_5": "skip_connect", f"{BASE}edge_normal_6": "sep_conv_3x3",
        f"{BASE}inputs_node_normal_4": "0_1",
        f"{BASE}edge_normal_9": "skip_connect", f"{BASE}edge_normal_11": "dil_conv_3x3",
        f"{BASE}inputs_node_normal_5": "0_2",
        f"{BASE}edge_reduce_0": "max_pool_3x3", f"{BASE}edge_reduce_1": "max_pool_3x3",
        f"{BASE}edge_reduce_3": "max_pool_3x3", f"{BASE}edge_reduce_4": "skip_connect",
        f"{BASE}inputs_node_reduce_3": "1_2",
        f"{BASE}edge_reduce_5": "max_pool_3x3", f"{BASE}edge_reduce_7": "skip_connect",
        f"{BASE}inputs_node_reduce_4": "0_2",
        f"{BASE}edge_reduce_10": "max_pool_3x3", f"{BASE}edge_reduce_11": "skip_connect",
        f"{BASE}inputs_node_reduce_5": "1_2",
    }  # fmt: skip


@given(genotypes())
def test_configurations_read_back(cells):
    """A configuration has 16 edges and 6 input pairs, and gives the genotype, whatever else it sets."""
    arch = SPACE.arrange(*cells)
    config = SPACE.configuration(arch)
    assert len(config) == 22
    # Two of the fixed hyperparameters of nasbench301/api.py.
    others = {"OptimizerSelector:optimizer": "sgd", f"{BASE}init_channels": 32}
    assert SPACE.from_configuration(others | config) == arch


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edge_normal_3": None}, "it lacks .*edge_normal_3"),
        ({"inputs_node_reduce_5": None}, "it lacks .*inputs_node_reduce_5"),
        ({"edge_normal_4": "skip_connect"}, "no node reads .*edge_normal_4"),
        ({"inputs_node_normal_3": "0_3"}, "unknown input pair of node 3 in the normal cell '0_3'"),
        ({"inputs_node_normal_2": "0_1"}, "no node reads .*inputs_node_normal_2"),
        ({"edge_normal_0": "none"}, "no operation 'none'"),
        ({"edge_normal_0": "sep_conv_7x7"}, "unknown operation of darts 'sep_conv_7x7'"),
    ],
)
def test_wrong_configurations_are_refused(change, message):
    """An entry too few, too many or wrong is named."""
    config = SPACE.configuration(SPACE.parse(DARTS_V2))
    for key, value in change.items():
        config[BASE + key] = value
        if value is None:
            del config[BASE + key]
    with pytest.raises(UsageError, match=message):
        SPACE.from_configuration(config)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("Genotype", "Cells", "no genotype as DARTS prints it"),
        ("(2, 6)", "(2, 7)", "all nodes, 2 to 5, are concatenated"),
        (", reduce_concat=range(2, 6)", "", "its fields are normal, normal_concat, reduce,"),
        ("reduce_concat", "normal_concat", "its fields are"),
        ("('skip_connect', 1)", "('none', 1)", "no operation 'none'"),
        ("('skip_connect', 1)", "('skip_connect', 0)", "node 2 reads node 0 twice"),
        ("('skip_connect', 1)", "('skip_connect', 2)", "node 2 reads what is not before it"),
        ("('skip_connect', 1), ", "", "it has 7 pairs"),
        ("('skip_connect', 1)", "'skip_connect', 1", "no list of pairs"),
        ("('skip_connect', 1)", "__import__('os')", "no list of pairs"),
        ("range(2, 6)", "range(2, int(6))", "no genotype as DARTS prints it"),
    ],
)
def test_refused_genotypes(old, new, why):
    """What is no genotype of the space is refused, with the reason, and never evaluated."""
    cell = [("max_pool_3x3", 0), ("skip_connect", 1), *[("sep_conv_3x3", i % 2) for i in range(6)]]
    text = printed(cell, cell)
    SPACE.parse(text)
    with pytest.raises(UsageError, match=why):
        SPACE.parse(text.replace(old, new))


def test_genotypes_of_other_spaces_are_refused():
    """NASNet's ten pairs are no cell of DARTS, and an operation that it lacks is named."""
    # quark0/darts, cnn/genotypes.py, the first pairs of NASNet
    pairs = [("sep_conv_5x5", 1), ("sep_conv_3x3", 0)] * 5
    with pytest.raises(UsageError, match="it has 10 pairs"):
        SPACE.parse(printed(pairs, pairs))
    with pytest.raises(UnknownNameError, match="did you mean 'sep_conv_5x5'"):
        SPACE.arrange([("sep_conv_5x5_", 0)] * 8, pairs[:8])


@given(st.text(alphabet="Genotype(ra l=[]'\",_)0123456skc", max_size=80))
def test_any_text_is_read_or_refused(text):
    """Whatever the text, parse returns a genotype or raises `UsageError`."""
    with contextlib.suppress(UsageError):
        assert SPACE.contains(SPACE.parse(text))


@pytest.mark.parametrize(
    "stray",
    [
        None,
        DARTS_V2,
        Genotype((), ()),
        Genotype(
            (("sep_conv_3x3", 1), ("sep_conv_3x3", 0)) * 4, (("sep_conv_3x3", 0), ("skip_connect", 1)) * 4
        ),
        ([("sep_conv_3x3", 0), ("skip_connect", 1)] * 4,) * 2,
        ((["sep_conv_3x3", 0], ["skip_connect", 1]) * 4,) * 2,
    ],
)
def test_foreign_values_are_refused(stray):
    """Values of another kind, and pairs in another order, raise one message."""
    assert SPACE.contains(stray) is False
    for call in (SPACE.format, SPACE.graph, SPACE.neighbours, SPACE.decompose, SPACE.configuration):
        with pytest.raises(UsageError, match="not an architecture of the space"):
            call(stray)


def test_samples_are_uniform_in_every_factor():
    """Each input pair, and each operation of each pair, is drawn equally often."""
    rng, draws = Stream(0, ("test",)), 4_200
    counts: list[Counter[int]] = [Counter() for _ in SPACE.factors]
    for _ in range(draws):
        for place, choice in enumerate(SPACE.decompose(SPACE.sample(rng))):
            counts[place][choice] += 1
    for factor, seen in zip(SPACE.factors, counts, strict=True):
        expected = draws / len(factor.choices)
        assert all(abs(seen[i] - expected) <= 6 * expected**0.5 for i in range(len(factor.choices)))


@given(genotypes())
def test_neighbours_differ_in_one_operation_or_input(cells):
    """There are 16 x 6 neighbours with another operation, and 2 x (2 + 4 + 6) with another input."""
    arch = SPACE.arrange(*cells)
    near = SPACE.neighbours(arch)
    assert len(set(near)) == 120
    kinds: Counter[str] = Counter()
    for other in near:
        (gone,) = [(i, p) for i in range(2) for p in node_pairs(arch[i]) - node_pairs(other[i])]
        (come,) = [(i, p) for i in range(2) for p in node_pairs(other[i]) - node_pairs(arch[i])]
        assert gone[0] == come[0] and gone[1][0] == come[1][0]
        kinds["operation" if gone[1][2] == come[1][2] else "input"] += 1
    assert kinds == {"operation": 96, "input": 24}


def node_pairs(cell):
    """Return the pairs of a cell with their nodes, (node, operation, input)."""
    return {(2 + i // 2, operation, source) for i, (operation, source) in enumerate(cell)}


def test_mutation_draws_as_published():
    """Operations and inputs change as often as one edit of BANANAS does when it changes anything."""
    # bananas_src/darts/arch.py of automl/nasbench301: an operation is another in 6 of 7 draws; the input of a
    # node with n inputs is one that the node does not read in n - 2 of n draws.
    rng, arch, draws = Stream(0, ("test",)), SPACE.parse(DARTS_V2), 12_000
    inputs: Counter[int] = Counter()
    for _ in range(draws):
        mutant = SPACE.mutate(arch, rng, "operation-or-input")
        for cell, other in zip(arch, mutant, strict=True):
            for node in range(4):
                read = [{source for _, source in pairs[2 * node : 2 * node + 2]} for pairs in (cell, other)]
                inputs[node + 2] += read[0] != read[1]
    weights = {2: 0.0, 3: 1 / 3, 4: 2 / 4, 5: 3 / 5}
    total = sum(weights.values()) + 4 * 6 / 7
    for node, weight in weights.items():
        expected = draws * weight / total
        assert abs(inputs[node] - expected) <= 6 * expected**0.5


@given(st.integers(0, 2**32))
def test_mutants_are_neighbours_and_children_have_whole_nodes(seed):
    """A mutant is one of the 120, and each node of a child is that of a parent."""
    rng = Stream(seed, ("test",))
    first, second = SPACE.sample(rng), SPACE.sample(rng)
    assert SPACE.mutate(first, rng, "operation-or-input") in SPACE.neighbours(first)
    child = SPACE.crossover(first, second, rng)
    for cell in range(2):
        for i in range(0, 8, 2):
            assert child[cell][i : i + 2] in {first[cell][i : i + 2], second[cell][i : i + 2]}


def test_graph_has_the_cells_paths():
    """The paths of a cell are those that BANANAS counts, and all eight operations feed the output."""
    graph = SPACE.graph(SPACE.parse(DARTS_V2))
    assert len(graph.labels) == 22
    assert [label for label in graph.labels if "c_{k" in label] == [
        "normal c_{k-2}", "normal c_{k-1}", "reduce c_{k-2}", "reduce c_{k-1}",
    ]  # fmt: skip
    assert sum(target in {10, 21} for _, target in graph.edges) == 16
    # Node 5 of the normal cell reads node 2 through dil_conv_3x3, which reads 0 and 1 through sep_conv_3x3.
    columns = path_encoding(SPACE, [SPACE.parse(DARTS_V2)]).columns
    normal = [path for path in columns if path.startswith("normal c_{k-2}")]
    assert sorted(path.replace("normal ", "") for path in normal) == [
        "c_{k-2}>sep_conv_3x3>dil_conv_3x3>output",
        "c_{k-2}>sep_conv_3x3>output",
        "c_{k-2}>skip_connect>output",
    ]
