"""The values of the fold: `Rules` that it depends on, the `State` after some events, and the `Delta` of new lines.

The values in a state are never changed, only replaced, so that a shallow copy of a state is enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._events.metrics import Definitions, defined
from wandb_logging._events.run_info import RunInfo

MAX_STEP = 2**63 - 1  # the server has no larger numbers
# Bytes of an event that may hold no longer text than what orjson can write, nor more than the server takes as a row:
# what orjson reads it writes in at most five times the bytes (1e15 as 1000000000000000.0).
MAX_TEXT = 2**18
_LATER = frozenset({"mining", "labels", "apart", "screens"})  # members of a state that came after the others
CLOCK = frozenset({"_step", "_timestamp", "_runtime"})  # what each row has besides its metrics
RESERVED = CLOCK | {"_wandb", ""}  # cannot be logged as metrics (protocol 5.1)


@dataclass(frozen=True)
class Rules:
    """What the fold depends on besides the events.

    Attributes:
        start: start of the run, seconds since 1970.
        late_steps: "shift", "error" or "drop".
        late_step_metric: metric that carries the step a shifted row was logged with.
        structured: whether text lines are JSON (protocol 4.6), as the server asked for.
        base_runtime: seconds the run had run before it was resumed.
        text_rules: rules that find metrics in text (`_mining.rule_keys`).
        later_rules: rules that replaced these later, each with the number of events after which it holds.
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
    """The state of a run after some events. It has plain JSON values only, for it is kept in cursor.json.

    Attributes:
        step: step of the open row, or of the next one.
        open: metrics of the open row, to which later events may add; None if there is none.
        open_time: time of the latest event of the open row.
        open_events: number of events of the open row.
        shifted: names of metrics in the open row that came from rows of lower steps.
        events: number of events folded so far.
        rows, lines, samples: number of history, output.log and events lines so far: the offsets of the next ones.
        summary: last value of each metric, and what was set by hand; `summary` gives it with aggregates.
        metrics: definitions of metrics, by name or glob.
        aggregates: by path: count, sum, minimum and maximum of a metric; None if its summary was set by hand.
        steps: latest value of each step metric.
        config: the config, without `_wandb`.
        run: changes of name, notes, tags, group and job_type.
        runtime: seconds from the start to the latest event.
        paused: seconds of that between an end of the run and its resumption, which do not count.
        exit: exit code of the run; None while it has not ended.
        late: number of rows whose step was lower than the current one.
        set_aside: number of values and rows that cannot be sent.
        told: how many of these the process that logged them has reported already.
        labels: by label: the next step of each process that has steps of its own.
        apart: whose steps are the run's, whose each name is, and rows of others that wait (`_fold.apart`).
        alerts: by title: the time before which no other alert of that title is sent.
        screen: the lines of the program's terminal that can still change (`_fold.terminal`).
        screens: by label: the same for each process with a label.
        mining: what the rules for text remember, and the names of the metrics that they found (`_fold.mined`).
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
        """The JSON for cursor.json, without empty members of `_LATER`, which older versions do not know."""
        return {name: value for name, value in vars(self).items() if value or name not in _LATER}


@dataclass
class Delta:
    """The lines and tasks that some events give.

    Attributes:
        rows: new history lines.
        lines: new output.log lines.
        samples: new lines of system metrics.
        edits: by number: earlier output.log lines whose text has changed.
        summary_changed: whether the summary has changed.
        tasks: tasks in order, such as `{"kind": "file", "step": n, ...}` (`_sending.tasks`).
        aside: what cannot be sent, as (reason, value).
        told: what a person should know of the rules for text; it is among the lines, too.
    """

    rows: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)
    edits: dict[int, str] = field(default_factory=dict)
    summary_changed: bool = False
    tasks: list[dict[str, Any]] = field(default_factory=list)
    aside: list[tuple[str, object]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


def first_state(info: RunInfo) -> State:
    """The state before the first event of a run: from its settings, and from the run that it goes on with."""
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
        summary=without_ours(before.summary) if before else {},
        config=config,
        metrics=metrics,
        runtime=before.runtime if before else 0.0,
    )


def without_ours(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A config, a summary or a sample without what a logger adds to it."""
    return {key: value for key, value in tree.items() if key != "_wandb"}


def rules_of(info: RunInfo, *, structured: bool = False) -> Rules:
    """The rules of the fold for a run."""
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
    """A fold that is under way: the rules, the present state, and the lines so far."""

    rules: Rules
    state: State
    delta: Delta = field(default_factory=Delta)

    def set_aside(self, reason: str, what: object) -> None:
        """Note something that cannot be sent, with the reason."""
        self.delta.aside.append((reason, what))
        self.state.set_aside += 1

    def runtime(self, time: float) -> float:
        """Seconds from the start to a time, in microseconds: more digits would only make longer rows."""
        elapsed = time - self.rules.start - self.state.paused
        return (int(elapsed * 1e6 + 0.5) / 1e6 if elapsed > 0 else 0.0) + self.rules.base_runtime
