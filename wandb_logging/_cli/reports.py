"""Puts the outcome of sending runs into words: a line for each run, and each reason of a failure once. Pure."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Sequence
from pathlib import Path

from wandb_logging._report import Report
from wandb_logging._wording import counted


def error_lines(reports: Iterable[Report]) -> list[str]:
    """Lines that say what went wrong. Each reason is given once: a missing key, say, affects every run."""
    by_reason: dict[str, list[Report]] = {}
    for report in reports:
        if report.error is not None:
            without_path = report.error.replace(str(report.path), "")  # a hint in the error may name the path
            by_reason.setdefault(without_path, []).append(report)
    lines = []
    for same in by_reason.values():
        reason = same[0].error
        more = f" and {counted(len(same) - 1, 'more run')}" if len(same) > 1 else ""
        remaining = sum(report.remaining for report in same)
        left = f"{counted(remaining, 'line')} left: " if remaining else ""
        lines.append(f"{report_name(same[0])}{more}: {left}{reason}")
    return lines


def news(reports: Sequence[Report], changed: Container[Path | None]) -> tuple[list[Report], int]:
    """The reports to print one by one, and the number of the other runs, which were on the server before.

    Args:
        reports: the reports of all runs.
        changed: directories of the runs of which something was sent now.
    """
    known = [report for report in reports if report.ok and report.finished and report.path not in changed]
    if len(known) < 2:
        return list(reports), 0
    return [report for report in reports if report not in known], len(known)


def report_name(report: Report) -> str:
    """Project and id of a report's run, taken from its directory, which tells two runs with the same id apart."""
    if report.path is None:
        return f"{report.project}/{report.run_id}"
    return f"{report.path.absolute().parent.name}/{report.path.absolute().name}"


def report_line(report: Report, *, before: bool = False) -> str:
    """A line about a run that was sent without an error.

    Args:
        before: whether all of the run was sent before.
    """
    name = report_name(report)
    if report.sender:
        return f"{name}: is being sent by {report.sender}, and left to it{_again(report)}"
    counts = [(report.rows, "row"), (report.lines, "text line"), (report.files, "file")]
    logged = ", ".join(counted(number, noun) for number, noun in counts if number)
    said = f"{logged} sent" if logged and not before else logged or "nothing logged"
    parts = [f"already sent: {said}" if before else said]
    if report.remaining:
        parts.append(f"{counted(report.remaining, 'line')} left")
    if report.set_aside:
        parts.append(f"{report.set_aside} set aside (aside.jsonl in {report.path})")
    if not report.remaining:
        parts.append(_end(report))
    return f"{name}: {', '.join(parts)}" + (f": {report.url}" if report.url else "") + _again(report)


def _again(report: Report) -> str:
    if report.retry_in is None:
        return ""
    return f". If {report.sender or report.writer} is gone, try again in {math.ceil(report.retry_in)} s"


def _end(report: Report) -> str:
    if not report.finished:
        return "the run goes on"
    if report.label:  # its end is not the run's
        return f"all that {report.label} logged"
    return f"marked as failed (exit code {report.exit_code})" if report.exit_code else "finished"
