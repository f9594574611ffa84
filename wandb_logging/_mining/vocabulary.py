"""Words that tell what a number is by its name: a step, a metric or a setting. They name no particular program."""

from __future__ import annotations

import re

# Names of steps, finest first: if a line has several, the first of these is its step.
_STEPS = (
    "global_step total_timesteps step nstep steps niter nit num_updates update updates up upd iter iters "
    "iteration iterations iterate iterat it its itr icmp_seq seq ts timestep timesteps minibatch minibatches batch "
    "batches frame frames trial generation generations gen round rounds tree trees sweep cycle cycles episode episodes "
    "nodes node pass tick gc chunk counter time t i n evaluations evals"
).split()
EPOCHS = frozenset("epoch epochs ep e epoche época epoca époque эпоха エポック".split())
STEPS = {word: rank for rank, word in enumerate(_STEPS)} | dict.fromkeys(EPOCHS, 50) | {"fold": 51}
# Words that also mark a step when they are the last of several words.
_SHORT = "time t i n e it its ts up upd seq tree trees node nodes pass tick chunk gc frames gen"
_LAST = STEPS.keys() - set(_SHORT.split())

# Names of results, which count even if they are said only once.
METRICS = frozenset(
    "loss losses acc accuracy auc auroc error errors err mse rmse mae mape f1 precision recall score scores "
    "reward rewards return returns ppl perplexity bleu rouge wer cer map iou miou dice psnr ssim fid throughput "
    "latency lat tps qps rps fps iops bw bandwidth speed rate ratio elapsed duration energy residual residuals "
    "objective obj bound gap likelihood loglikelihood loglik loglh logprob logl lnl ll deviance temperature "
    "pressure volume density ema "
    "enthalpy avg average mean median stdev stddev std sd min max p50 p90 p95 p99 failed failures completed "
    "complete transferred hit hits usage utilization grad gradient kl entropy best worst estimate final performance "
    "flops gflops mflops tflops processed passed velocity diff iterations violation infeasibility divergence ess "
    "rhat rss requests responses connections transactions queries messages records ops bandwidth copy scale "
    "squared criterion result smallest largest lowest highest "
    "add triad ns/day sec/call time times mfu wps ups cost regret purity modularity inertia "
    "mbps gbps kbps retrans succeeded percentage statistic cfi tli rmsea srmr akaike bayesian "
    "prec roc rocauc logloss crossentropy auprc rmsle smape fitness eer mcc kappa pearson spearman corr r2 nmse snr "
    "sdr sisnr pesq stoi mcd chrf ter meteor cider rouge1 "
    "verlust genauigkeit perte perdita exactitud acuracia "
    "epe jaccard specificity sensitivity brier crps lpips mpjpe mase wape hausdorff "
    "rouge2 ndcg mrr hits aic bic tpm top1 top5 "
    "rms amplitude med transfer silhouette nll elbo bpc bpb tokens/s words/s samples/s".split()
)

# Names of numbers that somebody chose, or that are not quantities.
SETTINGS = frozenset(
    "seed start started threshold smoothing coef alpha lambda "
    "learning layers layer heads head embd embed embedding hidden dim dims dimension dimensions size sizes vocab "
    "batch_size "
    "max_iters parameters params param epochs warmup decay momentum dropout beta betas eps epsilon tol "
    "tolerance threads thread workers worker clients processes process procs port ports pid tid version ver "
    "build revision rev id ids uid serial rank ranks gpus gpu device devices cores cpus interval timeout "
    "retries retry attempt capability budget clip clipping limit limits hz capacity factor scaling level levels "
    "length width height "
    "depth channels features labels classes columns rows cols variables constraints binaries nonzeros nonzero "
    "candidates "
    "folds fits beam atoms examples documents vocabulary year date month day chapter line col column offset address "
    "flag flags verbosity exit code status signal errno keep window percentile learn lr lr0 lrf gamma momentum "
    "weight cutoff timestep restart freq frequency available topics passes cl ref jobs groupid bins used".split()
)

# A line with one of these words before its names is about held-out data.
APART_WORDS = "val|valid|validation|validating|eval|evaluation|evaluating|test|testing|dev"
APART = re.compile(rf"(?i)(?<![a-z])({APART_WORDS})(?![a-z])")
TRAIN = re.compile(r"(?i)(?<![a-z])(train|training|trainer|epoch|step|iter|iteration|inner|node)(?![a-z])")

_STOPS = frozenset(
    "on at in for with to took by from over about and or than per after before until every the a an as using "
    "found processed took within until last size line port error errno code exit status".split()
)
_PLACES = frozenset("in on at to by from as".split())
_TAKEN_OFF = frozenset("of is was are reaches reached equals now".split())
_WORDS = re.compile(r"l(?:n|og)L\d*(?![A-Za-z])|[A-Za-z][a-z]*\d*|[A-Z]+\d*|/s")
_IDS = re.compile(
    r"(?i)(?:^|[_./ (])(?:pid|tid|ppid|id|ids|uid|port|lineno|line|rank|version|seed|chain|engine|dataloader|fold"
    r"|worker|task|stage|job|executor|level"
    r"|shard|replica|timestamp|ts|process|thread|created|msecs|v_num|proc|vuser|host|localhost"
    r"|errno|status_?code)\)?$"
    r"|(?-i:[a-z](?:Id|ID|Pid|Port|Version|Timestamp|Code))$"
    r"|\w\.(?:py|pyx|c|cc|cpp|cxx|cu|h|hpp|rs|go|java|scala|jl|f90)$"  # a line of a source file
)


def words(name: str) -> list[str]:
    """The words of a name in lower case; blanks, underscores or capitals separate them."""
    return [
        word.lower()
        for part in re.split(r"[^A-Za-z0-9]+", name)
        for word in ([part] if part.isupper() or part.islower() else _WORDS.findall(part))
    ]


def is_metric(name: str) -> bool:
    """Whether a name is that of a result."""
    parts = words(name)
    return (
        not METRICS.isdisjoint(parts)
        or not METRICS.isdisjoint(part.rstrip("0123456789") for part in parts)  # avg100, acc5
        or not METRICS.isdisjoint({name.lower().partition("@")[0]})  # mAP, mAP@0.5
        or (len(parts) > 1 and parts[-1] in {"value", "solution"})
        or parts[:2] == ["solution", "found"]
        or is_rate(name)
        or " per sec" in name.replace("_", " ")
        or parts[-1:] in (["minimum"], ["maximum"])
        or is_percentile(name)
    )


def is_measure(name: str) -> bool:
    """Whether a name is that of a result, and not only of what a service says of each request: how long, how many."""
    return not METRICS.isdisjoint(set(words(name)) - _OF_SERVICES) or is_rate(name)


_OF_SERVICES = frozenset(
    "latency lat elapsed duration time times response responses request requests message messages records connections "
    "transactions queries hit hits usage min max avg total size failed failures completed complete processed "
    "transferred copy add scale result status return returns error errors err rss retrans passed".split()
)


def is_rate(name: str) -> bool:
    """Whether a name says per what it is: `img/s`, `tokens/sec`, `ns/op`; not a path such as `xla/stream`."""
    return bool(_RATE.search(name))


def is_percentile(name: str) -> bool:
    """Whether a name says how many percent of something are below the number: `99th percentile`."""
    return bool(_PERCENTILE.search(name))


_RATE = re.compile(r"/(?:s|op)(?:(?![a-z])|(?:ec|ecs|econd|tep|ample|s)(?![a-z]))")
_PERCENTILE = re.compile(r"\d(?:st|nd|rd|th)?[ _-]percentile\b")


def is_setting(name: str) -> bool:
    """Whether a name is that of a setting, or of something that is not a quantity."""
    name = _PERCENTILE.sub("", name)
    return not SETTINGS.isdisjoint(words(name)) or bool(
        re.match(
            r"(?i)n_|num_|(?-i:num[A-Z])|nb[ _]|max_|max(?:imum)? (?:number|no)\b"
            r"|max(?:imum)? (?:\w+ )?(?:steps|timesteps|iterations|epochs|episodes)\b"
            r"|.+ (?:to|(?:for|from|with) [a-z])\Z"  # `reset to: 119`, `Local assembly for k = 21`
            r"|min_lr|#|time[ _-]?step\Z|(?:.* )?(?:sampl(?:e|ing)|baud|clock|refresh) ?rate\Z",
            name,
        )
    )


def step_rank(name: str) -> float | None:
    """How fine a step this name stands for, 0 being the finest; None if the name is not a step's."""
    exact = name.lower().strip(".:")
    if exact in STEPS:
        return STEPS[exact]
    parts = [word for word in words(name) if word]
    if parts and parts[-1] in {"total", "no", "number"}:
        parts.pop()
    if (
        not parts
        or "/" in name
        or (parts[0] == "n" and parts[-1].endswith("s"))
        or "per" in parts
        or parts[-1] not in _LAST
        or len(parts) > 6
        or parts[0] in _AMOUNTS
    ):
        return None
    return STEPS[parts[-1]] + 0.5


def is_result(name: str) -> bool:
    """Whether a name is that of a result and hardly ever that of a setting."""
    return ends_as_result(name) and not is_setting(name)


def ends_as_result(name: str) -> bool:
    """Whether the last word of a name is that of a result: also in `GAMMA-based likelihood`."""
    return (words(name) or [""])[-1] in _RESULTS


_RESULTS = frozenset(
    "loss accuracy score likelihood objective energy perplexity rmse mse mae auc squares deviance modularity inertia "
    "rmsd".split()
)


def is_left(name: str) -> bool:
    """Whether a number with this name says how long something will still take: `time left`, but not `hits left`."""
    parts = set(words(name))
    side = "left" in parts and not METRICS.isdisjoint(parts - _OF_SERVICES - {"iterations", "elapsed"})
    return not side and not _LEFT.isdisjoint(parts)


def is_timing(name: str) -> bool:
    """Whether a number with this name says how long something took, rather than how good it is."""
    parts = words(name)
    spent = parts[:2] in (["time", "spent"], ["time", "taken"]) or parts[:3] == ["time", "to", "load"]
    return spent or (not _TIMINGS.isdisjoint(parts) and METRICS.isdisjoint({*parts} - {"time", "elapsed"}))


def is_total_time(name: str) -> bool:
    """Whether a name says how long the whole took."""
    parts = set(words(name))
    return "time" in parts and not parts.isdisjoint(
        {"total", "fit", "run", "training", "wall", "cpu", "execution", "planning"}
    )


_TIMINGS = frozenset("elapsed took spent termination".split())
_AMOUNTS = frozenset(
    "fps ips tps avg average mean number no total max maximum min remaining skipped failed nan".split()
)
_LEFT = frozenset("eta remaining finish left".split())


def noun(name: str, *, whole: bool = True) -> str:
    """The name in words before a number, without introductory words.

    `Integer solution of` gives `Integer solution`; `3 trials with best loss` gives `best loss`, which is a result.
    Before a whole number, `error` alone is no name, for the number may be a code.
    """
    parts = name.replace("'", "").replace('"', "").split() if "'s " not in name else name.split()
    while parts and (parts[-1].lower() in _TAKEN_OFF or parts[-1] == "#"):
        parts.pop()
    last = parts[-1].lower().rpartition("/")[2].strip("(#") if parts else ""
    code = last != "error" or (whole and len(parts) == 1)
    if (parts and parts[0].lower() in _PLACES) or (last in _STOPS and code):
        return ""
    behind = " ".join(parts[len(parts) - parts[::-1].index("with") :]) if "with" in parts else ""
    return behind if is_metric(behind) else " ".join(parts)


_MEAN = re.compile(r"(?i)\b(?:mean|average|avg|median|reciprocal) ")


def is_id(name: str) -> bool:
    """Whether a number with this name only identifies something; a mean does not."""
    return bool(_IDS.search(name)) and not is_rate(name) and not _MEAN.search(name)
