"""How often the intervals for differences hold the truth, measured by simulation."""

from __future__ import annotations

# Shapes: normal; exponential (skewed); Beta(4, 1) (bounded, near its upper end); and normal values of
# which each five share half their variance (clustered), taken for independent ones.
SHAPES = ("normal", "skewed", "bounded", "clustered")
SIZES = (2, 3, 5, 7, 10, 20, 50, 100)

# Made by `python benchmarks/coverage.py --constants`: 4,000 samples of each design, shape and size.
MEASURED_COVERAGE: dict[tuple[str, str], tuple[float, ...]] = {
    ("paired", "normal"): (0.94675, 0.949, 0.94525, 0.95225, 0.9435, 0.9505, 0.949, 0.953),
    ("paired", "skewed"): (0.9105, 0.87775, 0.885, 0.897, 0.92975, 0.92725, 0.94875, 0.95275),
    ("paired", "bounded"): (0.92625, 0.9135, 0.911, 0.91775, 0.942, 0.94575, 0.947, 0.94925),
    ("paired", "clustered"): (0.91325, 0.82975, 0.67025, 0.75325, 0.69575, 0.72025, 0.743, 0.73475),
    ("unpaired", "normal"): (0.971, 0.95625, 0.955, 0.95475, 0.95125, 0.944, 0.943, 0.9485),
    ("unpaired", "skewed"): (0.96325, 0.94575, 0.93475, 0.9305, 0.93325, 0.94025, 0.94575, 0.944),
    ("unpaired", "bounded"): (0.96175, 0.9405, 0.9355, 0.93425, 0.95025, 0.94375, 0.94775, 0.9515),
    ("unpaired", "clustered"): (0.9325, 0.81075, 0.6515, 0.73275, 0.7075, 0.7255, 0.73475, 0.745),
}


def measured_coverage(n: int, shape: str, *, paired: bool) -> float:
    """Return the share of simulated samples of n whose 95 % interval holds the true difference.

    That of the largest size up to n that was measured, and of 2 for less.
    """
    place = max((i for i, size in enumerate(SIZES) if size <= n), default=0)
    return MEASURED_COVERAGE["paired" if paired else "unpaired", shape][place]


def coverage_text(n: int, *, paired: bool) -> str:
    """Return the measured coverage at n replicates in words, as a report prints it."""
    size = max((size for size in SIZES if size <= n), default=SIZES[0])
    shares = (f"{100 * measured_coverage(n, shape, paired=paired):.1f} % {shape}" for shape in SHAPES)
    beside = f", the size below {n} that was measured" if size < n else ""
    return f"measured coverage of the 95 % interval at n = {size}{beside}: {', '.join(shares)}"
