"""The planted causes, as data."""

from __future__ import annotations

import json

from planted.case import Case, Side
from planted.files import images, moved_images, one_image_damaged, unused_package

EXPLAINED = ("explained",)
HARMLESS = Side(
    variables={
        "LANG": "de_DE.UTF-8",
        "SLURM_JOB_ID": "4711",
        "HOSTNAME": "node17",
        "PYTHONPATH": "../installed",
    },
    edits=(
        (
            "train.py",
            "    return parser.parse_args()\n",
            "    # What the user wants.\n    return parser.parse_args()\n",
        ),
    ),
    arrange=unused_package,
)
SETTINGS = {
    "seed": 3,
    "model": {"width": 16},
    "training": {
        "steps": 10,
        "optimizer": {
            "groups": {"body": {"lr": 0.01, "momentum": 0.9}, "head": {"lr": 0.02, "momentum": 0.9}}
        },
    },
}
YAML = """\
seed: 3
model: {width: 16}
training:
  steps: 10
  optimizer:
    groups:
      body: {lr: 0.01, momentum: 0.9}
      head:
        lr: 0.02  # found by hand
        momentum: 0.9
"""

CASES = (
    # -- The arithmetic ------------------------------------------------------------------------------------
    Case(
        name="threads",
        title="1 thread -> 2",
        program="convolution",
        a=Side(variables={"OMP_NUM_THREADS": "1"}),
        b=Side(variables={"OMP_NUM_THREADS": "2"}),
        answer=EXPLAINED,
        causes=(("OMP_NUM_THREADS: 1 -> 2",),),
        first=("step", 0, "gradients"),
        operator="convolution_backward",
    ),
    Case(
        name="capability",
        title="`ATEN_CPU_CAPABILITY=avx2`",
        program="attention",
        b=Side(variables={"ATEN_CPU_CAPABILITY": "avx2"}),
        answer=EXPLAINED,
        causes=(("ATEN_CPU_CAPABILITY: absent -> avx2",),),
        first=("step", 0, "gradients"),
        operator="_softmax",
        processor="avx512f",
    ),
    Case(
        name="onednn",
        title="`ONEDNN_MAX_CPU_ISA=AVX2`",
        program="convolution",
        b=Side(variables={"ONEDNN_MAX_CPU_ISA": "AVX2"}),
        answer=EXPLAINED,
        causes=(("ONEDNN_MAX_CPU_ISA: absent -> AVX2",),),
        first=("step", 0, "loss"),
        operator="convolution",
        processor="avx512f",
    ),
    Case(
        name="mkl",
        title="`MKL_CBWR=COMPATIBLE`",
        program="products",
        b=Side(variables={"MKL_CBWR": "COMPATIBLE"}),
        answer=EXPLAINED,
        causes=(("MKL_CBWR: absent -> COMPATIBLE",),),
        first=("step", 0, "gradients"),
        operator="mm",
    ),
    Case(
        name="numpy",
        title="NumPy 2.4.6 -> 2.2.6",
        program="powers",
        b=Side(packages=("numpy==2.2.6",)),
        answer=EXPLAINED,
        causes=(("numpy 2.4.6 -> 2.2.6",),),
        first=("print", 0, "outputs"),
    ),
    # -- Code ----------------------------------------------------------------------------------------------
    Case(
        name="constant",
        title="one changed constant in a module",
        program="network",
        modules=("scale",),
        b=Side(edits=(("scale.py", "TEMPERATURE = 1.0", "TEMPERATURE = 1.1"),)),
        answer=EXPLAINED,
        causes=(("scale.py",),),
        first=("step", 0, "loss"),
        operator="div",
        slow=False,
    ),
    Case(
        name="constant-numpy",
        title="one changed constant in a module, in NumPy",
        program="descent",
        modules=("schedule",),
        b=Side(edits=(("schedule.py", "DECAY = 0.97", "DECAY = 0.96"),)),
        answer=EXPLAINED,
        causes=(("schedule.py",),),
        first=("print", 2, "outputs"),
        slow=False,
    ),
    Case(
        name="extra-draw",
        title="one extra random draw",
        program="network",
        modules=("scale",),
        b=Side(
            edits=(
                (
                    "train.py",
                    "    for step in range(12):\n",
                    "    torch.rand(1)\n    for step in range(12):\n",
                ),
            )
        ),
        answer=EXPLAINED,
        causes=(("torch.rand(1)",),),
    ),
    Case(
        name="extra-draw-numpy",
        title="one extra random draw, in NumPy",
        program="descent",
        modules=("schedule",),
        b=Side(
            edits=(
                (
                    "train.py",
                    "    weights = np.zeros(4)\n",
                    "    weights = np.zeros(4)\n    draws.random()\n",
                ),
            )
        ),
        answer=EXPLAINED,
        causes=(("draws.random()",),),
        first=("print", 0, "outputs"),
    ),
    Case(
        name="decay",
        title="weight decay on BatchNorm too",
        program="decayed",
        b=Side(
            edits=(
                ("train.py", '"params": plain, "weight_decay": 0.0', '"params": plain, "weight_decay": 0.05'),
            )
        ),
        answer=EXPLAINED,
        causes=(("train.py",),),
        first=("step", 0, "hyperparameters"),
    ),
    Case(
        name="batchnorm-momentum",
        title="BatchNorm momentum 0.1 -> 0.01",
        program="decayed",
        b=Side(edits=(("train.py", "momentum=0.1", "momentum=0.01"),)),
        answer=EXPLAINED,
        causes=(("train.py",),),
        first=("step", 0, "weights"),
        operator="batch_norm",
    ),
    # -- Settings ------------------------------------------------------------------------------------------
    Case(
        name="yaml",
        title="a learning rate deep in a YAML file",
        program="configured",
        files={"conf/run.yaml": YAML},
        a=Side(arguments=("conf/run.yaml",)),
        b=Side(arguments=("conf/run.yaml",), edits=(("conf/run.yaml", "lr: 0.02", "lr: 0.021"),)),
        answer=EXPLAINED,
        causes=(("conf/run.yaml training.optimizer.groups.head.lr: 0.02 -> 0.021",),),
        first=("step", 0, "hyperparameters"),
    ),
    Case(
        name="json",
        title="a learning rate deep in a JSON file",
        program="configured",
        files={"run.json": json.dumps(SETTINGS, indent=2)},
        a=Side(arguments=("run.json",)),
        b=Side(arguments=("run.json",), edits=(("run.json", '"lr": 0.02', '"lr": 0.021'),)),
        answer=EXPLAINED,
        causes=(("run.json training.optimizer.groups.head.lr: 0.02 -> 0.021",),),
        first=("step", 0, "hyperparameters"),
    ),
    Case(
        name="dropout-seed",
        title="the seed of dropout",
        program="network",
        modules=("scale",),
        b=Side(arguments=("--dropout-seed", "8")),
        answer=EXPLAINED,
        causes=(("--dropout-seed",),),
        first=("start", 0, "torch"),
        operator="bernoulli",
    ),
    Case(
        name="workers",
        title="1 loader worker -> 2, each with a stream",
        program="augmented",
        b=Side(arguments=("--workers", "2")),
        answer=EXPLAINED,
        causes=(("--workers",),),
        first=("step", 1, "batch"),
    ),
    Case(
        name="conjunction",
        title="two settings that act only together",
        program="network",
        modules=("scale",),
        b=Side(arguments=("--augment", "1", "--strength", "0.3", "--lr", "0.05")),
        answer=EXPLAINED,
        causes=(("--augment", "--strength"),),
        kind="conjunction",
        first=("step", 0, "inputs"),
    ),
    Case(
        name="independent",
        title="two causes that act each by itself",
        program="network",
        modules=("scale",),
        b=Side(arguments=("--lr", "0.06"), edits=(("scale.py", "TEMPERATURE = 1.0", "TEMPERATURE = 1.1"),)),
        answer=EXPLAINED,
        causes=(("--lr", "scale.py"),),
        kind="independent",
    ),
    # -- Data ----------------------------------------------------------------------------------------------
    Case(
        name="image",
        title="one flipped bit in one of 10,000 images",
        program="images",
        a=Side(arguments=("order.txt",), arrange=images(10_000)),
        b=Side(arguments=("order.txt",), arrange=one_image_damaged),
        files={"order.txt": "\n".join(f"{number:05d}.raw" for number in range(10_000))},
        data=("images",),
        answer=EXPLAINED,
        causes=(("images/04711.raw has other content",),),
        first=("step", 9, "batch"),
        moved=True,
    ),
    Case(
        name="image-in-place",
        title="the same, where the bytes of the first run are gone",
        program="images",
        a=Side(arguments=("order.txt",), arrange=images(10_000)),
        b=Side(arguments=("order.txt",), arrange=one_image_damaged),
        files={"order.txt": "\n".join(f"{number:05d}.raw" for number in range(10_000))},
        data=("images",),
        answer=("located",),
        listed=("images/04711.raw has other content",),
        first=("step", 9, "batch"),
        where="images/04711.raw",
    ),
    Case(
        name="order-file",
        title="another order of files, from a list",
        program="images",
        a=Side(arguments=("order.txt",), arrange=images(200)),
        b=Side(
            arguments=("order.txt",), edits=(("order.txt", "00003.raw\n00004.raw", "00004.raw\n00003.raw"),)
        ),
        files={"order.txt": "\n".join(f"{number:05d}.raw" for number in range(200))},
        data=("images",),
        answer=EXPLAINED,
        causes=(("order.txt",),),
        first=("step", 0, "batch"),
    ),
    Case(
        name="order-folder",
        title="another order of files, as the folder lists them",
        program="images",
        a=Side(arrange=images(200)),
        b=Side(arrange=moved_images),
        data=("images",),
        answer=("unexplained",),
        listed=("files were opened in another order",),
        where="files were opened in another order",
        moved=True,
        tmpfs=True,
        first=("step", 0, "batch"),
    ),
    # -- Nothing is blamed that has no part ----------------------------------------------------------------
    Case(
        name="harmless",
        title="harmless differences alone",
        program="network",
        modules=("scale",),
        b=HARMLESS,
        answer=("identical",),
    ),
    Case(
        name="among-harmless",
        title="one cause among harmless differences",
        program="network",
        modules=("scale",),
        b=Side(
            arguments=("--lr", "0.06"),
            variables=HARMLESS.variables,
            edits=HARMLESS.edits,
            arrange=HARMLESS.arrange,
        ),
        answer=EXPLAINED,
        causes=(("--lr",),),
        first=("step", 0, "hyperparameters"),
    ),
    Case(
        name="race",
        title="threads that add in any order, in NumPy alone",
        program="race",
        b=Side(variables={"OMP_NUM_THREADS": "2"}),
        answer=("unrepeatable",),
        where="threads or processes that race",
        slow=False,
    ),
    Case(
        name="race-torch",
        title="threads that race for the gradients of torch",
        program="race_torch",
        b=Side(variables={"ATEN_CPU_CAPABILITY": "avx2"}),
        answer=("race",),
    ),
    Case(
        name="hash-order",
        title="the order of a set of strings",
        program="hashed",
        b=Side(variables={"OMP_NUM_THREADS": "2"}),
        answer=("hash order",),
        slow=False,
    ),
    Case(
        name="unseeded",
        title="augmentation without a seed",
        program="unseeded",
        answer=("unseeded",),
        where="train.py:",
        first=("start", 0, "numpy"),
        slow=False,
    ),
    Case(
        name="clock-seed",
        title="the time as seed",
        program="clock_seed",
        answer=("unseeded",),
        where="train.py:",
        slow=False,
    ),
    Case(
        name="entropy-seed",
        title="a seed from `os.urandom`",
        program="entropy_seed",
        answer=("unseeded",),
        where="train.py:",
    ),
)
