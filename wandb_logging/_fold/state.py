"""Where folding stands, what it depends on and what comes out: `State`, `Rules`, `Delta`.

What is in a state is never changed but replaced, so that a copy of it need not be a deep one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._events.metrics import Definitions, defined
from wandb_logging._events.run_info import RunInfo

MAX_STEP = 2**63 - 1  # the server has no larger numbers
MAX_TEXT = 2**18  # bytes of an event that may hold no longer text than what orjson can write
_LATER = frozenset({"mining", "labels", "apart", "screens"})  # members of a state that came after the others
CLOCK = frozenset({"_step", "_timestamp", "_runtime"})  # what each row has besides its metrics
RESERVED = CLOCK | {"_wandb", ""}  # cannot be logged as metrics (protocol 5.1)


@dataclass(frozen=True)
class Rules:
    """What folding depends on besides the events.

    Attributes:
        start: start of the run, seconds since 1970.
        late_steps: "shift", "error" or "drop".
        late_step_metric: metric that carries the step a shifted row was logged with.
        structured: whether text lines are JSON (protocol 4.6), as the server asked for.
        base_runtime: seconds the run had run before it was resumed.
        text_rules: rules that find metrics in text (`_mining.rules`).
        later_rules: those that took their place for what was not sent then: after so many events, which.
    """

    start: float
    late_steps: str = "shift"
    late_step_metric: str = "step"
    structured: bool = False
    base_runtime: float = 0.0
    text_rules: Sequence[Any] = ()
    later_rules: Sequence[tuple[int, Sequence[Any]]] = ()


@dataclass
class State:
    """Where folding stands. Plain JSON values only: it is kept in cursor.json.

    Attributes:
        step: step of the row under construction, or of the next one.
        open: metrics of the row under construction, or None.
        open_time: time of its last part.
        open_events: how many events are in it.
        shifted: its metrics that came from rows of lower steps.
        events: events folded so far.
        rows, lines, samples: history, output.log and events lines folded so far: the offsets of the next ones.
        summary: last value of each metric, and what was set by hand; `summary` gives it with aggregates.
        metrics: definitions of metrics, by name or glob.
        aggregates: what is kept of a metric's values by path; None for one whose summary was set by hand.
        steps: last number logged of each step metric.
        config: as it stands, without `_wandb`.
        run: changed name, notes, tags, group, job_type.
        runtime: seconds from the start to the last event.
        paused: seconds of them between an end and its resumption, which do not count.
        exit: exit code of the run; None while it has not ended.
        late: rows whose step was lower than the current one.
        set_aside: values and rows that cannot be sent.
        told: those of them that the logging program knows of, because it made the event without them.
        labels: next step of each process that has steps of its own, by label.
        apart: whose steps are the run's, which names are whose, and rows of others that wait (`_fold.apart`).
        alerts: titles of alerts that went, and until when no other of that title goes.
        screen: what the program's terminal shows, as far as it can still change (`_fold.terminal`).
        screens: the same of each process that has a label.
        mining: what the rules for text remember, and the names of the metrics they found (`_fold.mined`).
    """

    step: int = 0
    open: dict[str, Any] | None = None
    open_time: float = 0.0
    open_events: int = 0
    shifted: list[str] = field(default_factory=list)
    events: int = 0
    rows: int = 0
    lines: int = 0
    samples: int = 0
    summary: dict[str, Any] = field(default_factory=dict)
    metrics: Definitions = field(default_factory=dict)
    aggregates: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    runtime: float = 0.0
    paused: float = 0.0
    exit: int | None = None
    late: int = 0
    set_aside: int = 0
    told: int = 0
    labels: dict[str, int] = field(default_factory=dict)
    apart: dict[str, Any] = field(default_factory=dict)
    alerts: dict[str, float] = field(default_factory=dict)
    screen: dict[str, Any] = field(default_factory=dict)
    screens: dict[str, Any] = field(default_factory=dict)
    mining: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As cursor.json keeps it. The version before knows none of `_LATER`, and can go on where a run has none."""
        return {name: value for name, value in vars(self).items() if value or name not in _LATER}


@dataclass
class Delta:
    """What some events came to.

    Attributes:
        rows: new history lines.
        lines: new output.log lines.
        samples: new lines of system metrics.
        edits: output.log lines from before that have another text now, by number.
        summary_changed, config_changed, run_changed: whether that part of the state changed.
        tasks: what is to be done beside the streams, in order: `{"kind": "file", "step": n, ...}` and so on
            (`_sending.tasks`).
        aside: what cannot be sent: (reason, value).
    """

    rows: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)
    edits: dict[int, str] = field(default_factory=dict)
    summary_changed: bool = False
    config_changed: bool = False
    run_changed: bool = False
    tasks: list[dict[str, Any]] = field(default_factory=list)
    aside: list[tuple[str, object]] = field(default_factory=list)


def first_state(info: RunInfo) -> State:
    """The state before the first event of a run: its own settings, and what it took over."""
    metrics: Definitions = {}
    for given in info.define_metrics:
        metrics = defined(metrics, given)
    before = info.server
    config = {**(before.config if before else {}), **info.config}
    step = before.step if before else 0
    if info.branch_point is not None:  # forked or taken back (protocol 3.6)
        config["_wandb"] = {**config.get("_wandb", {}), "branch_point": info.branch_point}
        step = step or info.branch_point["step"] + 1
    return State(
        step=step,
        summary={key: value for key, value in before.summary.items() if key != "_wandb"} if before else {},
        config=config,
        metrics=metrics,
        runtime=before.runtime if before else 0.0,
    )


def rules_of(info: RunInfo, *, structured: bool = False) -> Rules:
    """The rules for a run's events."""
    return Rules(
        start=float(info.start),
        late_steps=info.late_steps,
        late_step_metric=info.late_step_metric,
        structured=structured,
        base_runtime=info.server.runtime if info.server else 0.0,
        text_rules=info.text_rules[0][1],
        later_rules=info.text_rules[1:],
    )


@dataclass
class Work:
    """Some events being folded: the rules, the state as far as they are taken, and what came out by then."""

    rules: Rules
    state: State
    delta: Delta = field(default_factory=Delta)

    def set_aside(self, reason: str, what: object) -> None:
        """Count something that cannot be sent, and say why."""
        self.delta.aside.append((reason, what))
        self.state.set_aside += 1

    def runtime(self, time: float) -> float:
        """Seconds from the start to a time, in microseconds: more digits would only make longer rows."""
        elapsed = time - self.rules.start - self.state.paused
        return (int(elapsed * 1e6 + 0.5) / 1e6 if elapsed > 0 else 0.0) + self.rules.base_runtime
