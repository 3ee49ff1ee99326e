"""Which way a metric gets better, judged by the words in its name."""

import fnmatch
import math
import re
from collections.abc import Sequence

_LOWER = set(
    "loss losses error errors err rmse mse mae mape smape rmsle msle logloss nll brier perplexity ppl entropy deviance "
    "regret wer cer fid kid lpips kl divergence hinge fpr fnr eer inertia aic bic latency time duration seconds secs "
    "ms misclassified rse mad".split()
)
_HIGHER = set(
    "accuracy acc auc auroc auprc roc ap map f1 f2 fbeta precision recall sensitivity specificity r2 score kappa mcc "
    "iou dice jaccard ndcg mrr bleu rouge meteor hits reward return throughput silhouette likelihood tpr tnr psnr ssim "
    "gini lift".split()
)
_WORDS = re.compile(r"[A-Z]?[a-z]+[0-9]*|[A-Z]+[0-9]*|[0-9]+")


def lower_is_better(key: str, lower: Sequence[str] = (), higher: Sequence[str] = ()) -> bool | None:
    """Whether small values of a metric are the good ones; None where its name does not say.

    `lower` and `higher` are patterns (`*` for anything) that decide before the words do.
    """
    if any(fnmatch.fnmatchcase(key, pattern) for pattern in lower):
        return True
    if any(fnmatch.fnmatchcase(key, pattern) for pattern in higher):
        return False
    words = [word.lower() for word in _WORDS.findall(key)]
    negative = "neg" in words or "negative" in words
    # The last word says what is measured: `accuracy_loss` is a loss, `error_recall` a recall.
    for word in reversed(words):
        if word in _LOWER or word in _HIGHER:
            return (word in _LOWER) is not negative
    return None


def best_places(values: Sequence[float | None], lower: bool | None) -> set[int]:
    """Where the best of several values stand; none where they are all the same, or fewer than two, or nobody knows."""
    real = {place: value for place, value in enumerate(values) if value is not None and not math.isnan(value)}
    if lower is None or len(real) < 2 or len(set(real.values())) == 1:
        return set()
    best = min(real.values()) if lower else max(real.values())
    return {place for place, value in real.items() if value == best}
