"""What the words in a name tell: which scores are better, and that it names a cost, a summary or a spread."""

from __future__ import annotations

import re

SMALLER = {
    *("loss", "losses", "error", "errors", "err", "rmse", "mse", "mae", "mape", "nll", "perplexity", "ppl"),
    *("regret", "wer", "cer", "fid", "brier", "ece", "bpc", "bpd", "risk", "gap", "drop", "distance"),
    *("evaluations", "misclassified", "cost", "rank", "ranks", "ranking"),
}
LARGER = {
    *("accuracy", "acc", "auc", "auroc", "auprc", "f1", "bleu", "rouge", "reward", "rewards", "return"),
    *("returns", "precision", "recall", "map", "ap", "miou", "iou", "dice", "r2", "fitness", "hypervolume"),
    *("tau", "rho", "kendall", "spearman", "pearson", "correlation", "correct", "success", "wins", "elo"),
    *("psnr", "ssim", "ndcg", "mrr", "kappa", "mcc", "throughput", "fps", "speedup", "likelihood"),
    *("improvement", "improvements", "gain", "gains", "reduction", "saved", "savings", "free"),
}
# Between 0 and 1, or 0 and 100 in percent, whatever is measured.
_SHARES = {
    *("accuracy", "acc", "auc", "auroc", "auprc", "f1", "precision", "recall", "map", "ap", "miou", "iou"),
    *("dice", "top1", "top5", "ndcg", "mrr"),
}
SCORES = {"score", "objective", "top1", "top5"} | LARGER | SMALLER - {"rank", "ranks", "ranking", "cost"}
# What is spent, and what was set: columns of them stand beside scores and are none.
_COSTS = {
    *("params", "param", "parameters", "flops", "flop", "gflops", "mflops", "macs", "mac", "gmacs", "mmacs"),
    *("madds", "time", "times", "runtime", "walltime", "latency", "duration", "memory", "mem", "vram", "ram"),
    *("gpu", "gpus", "cpu", "cpus", "tpu", "tpus", "days", "hours", "minutes", "seconds", "sec", "secs"),
    *("energy", "kwh", "co2", "carbon"),
}
_BESIDE = _COSTS | {
    *("cost", "throughput", "fps", "speedup", "rank", "ranks", "ranking", "lr", "epoch", "epochs", "step"),
    *("steps", "iteration", "iterations"),
}
_UNITS = {
    *("s", "ms", "us", "h", "hr", "hrs", "min", "m", "k", "g", "b", "kb", "mb", "gb", "mib", "gib", "x"),
    *("million", "millions", "billion", "num", "number", "no", "n", "of", "per", "in", "the", "total"),
    *("model", "train", "training", "test", "inference", "search", "eval", "evaluation", "fit", "score"),
    *("peak", "max", "avg", "average", "mean", "overall", "final", "wall", "clock", "usage", "size", "batch"),
    *("trainable", "image", "sample", "day", "hour", "elapsed", "learning", "rate"),
}
_SUMMARIES = {"avg", "average", "mean", "overall", "total", "rank"}
_OF_SUMMARIES = {
    *(
        "over",
        "all",
        "of",
        "the",
        "on",
        "per",
        "in",
        "across",
        "task",
        "tasks",
        "dataset",
        "datasets",
        "data",
    ),
    *("sets", "domains", "acc", "accuracy", "score", "scores", "performance", "result", "results", "metric"),
    *("micro", "macro", "value", "test", "val"),
}
_MEANS = {"mean", "avg", "average"}
_SPREADS = {"std", "sd", "stdev", "stddev", "stderr", "se", "sem", "var", "variance", "ci", "ci95"}
_COUNTS = {"n", "count"}
_KNOWN = SMALLER | SCORES | _BESIDE


def smaller_is_better(name: str) -> bool:
    """Say whether a metric's name has a word for what is better when smaller, as 'test_error' and 'rmse'."""
    return direction(name) is True


def direction(name: str) -> bool | None:
    """Return whether smaller is better by the name of a metric, None where no word of it is known.

    The last known word decides, as in 'accuracy gap', 'perplexity improvement' and 'error-free'.
    """
    told = [word for word in words(name) if word in SMALLER or word in LARGER or word in _COSTS]
    return told[-1] not in LARGER if told else None


def is_share(name: str) -> bool:
    """Say whether a metric is a bounded share by the last known word of its name, as 'val_acc' and 'mAP'."""
    known = SMALLER | LARGER | _COSTS | _SHARES
    told = [word for word in words(name) if word in known]
    return bool(told) and told[-1] in _SHARES


def is_cost(name: str) -> bool:
    """Say whether a name is all of a cost or a setting, such as 'Params (M)' or 'Time (s)'; so is a rank."""
    found = _no_digits(name)
    return bool(found & _BESIDE) and found <= _BESIDE | _UNITS


def is_summary(name: str) -> bool:
    """Say whether a name is all of a summary of others, such as 'Avg.' or 'Average over all'."""
    found = _no_digits(name)
    return bool(found & _SUMMARIES) and found <= _SUMMARIES | _OF_SUMMARIES


def spreads(names: list[str]) -> dict[str, str]:
    """Return each name of a spread or a count with that of the mean beside it, as 'acc_std' with 'acc'."""
    rest = {name: found for name in names if (found := words(name))}
    means = {
        _without(found, _MEANS): name for name, found in rest.items() if not set(found) & (_SPREADS | _COUNTS)
    }
    scores = [name for name, found in rest.items() if len(found) == 1 and set(found) & SCORES]
    plain = next(iter(scores), None)
    pairs: dict[str, str] = {}
    for name, found in rest.items():
        stem = _without(found, _SPREADS)
        if len(stem) < len(found):
            mean = means.get(stem) or (None if stem else plain)
            if mean is not None:
                pairs[name] = mean
    counted = [name for name, found in rest.items() if set(found) <= _COUNTS]
    mean = means.get(())
    return pairs | (dict.fromkeys(counted, mean) if mean is not None and not pairs else {})


def words(name: str) -> list[str]:
    """Return the words of a name in lower case: 'validationLoss' has two, 'GPU-days' too, 'mIoU' one."""
    found: list[str] = []
    for part in re.split(r"[\W_]+", name):
        whole = part.lower()
        if whole in _KNOWN:
            found.append(whole)
        else:
            found += [one.lower() for one in re.split(r"(?<=[a-z])(?=[A-Z])", part) if one]
    return found


def _no_digits(name: str) -> set[str]:
    return {word for word in words(name) if not word.isdigit()}


def _without(found: list[str], left_out: set[str]) -> tuple[str, ...]:
    return tuple(word for word in found if word not in left_out)
