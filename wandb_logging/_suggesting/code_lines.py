"""Lines that hold no metrics, whatever their numbers: code, markup, tracebacks, requests, commands, test summaries."""

from __future__ import annotations

import re
from collections.abc import Sequence

_CODE = re.compile(
    r"^\s*(?:File \"|Traceback|raise |return |import |from |def |class |self\.|\^+|at [\w.$]+\()"
    r"|^\s*\"[^\"]{1,80}\": "  # of an object over several lines: `spread` reads those that hold results
    r"|\w\(\w+=|\bfunction\(|HTTP/\d|\"(?:GET|POST|PUT|HEAD|DELETE)[ \"]"
    r"|(?i:\btests? (?:run|completed|passed|failed)\b)"
    r"|\bsucceeded in \d|Killed process|^configure:\d+: |\bassertions/s\b"
    r"|\b(?:PASSED|FAILED|SKIPPED|ERROR|XFAIL|XPASS) +\[ *\d+%\]"  # of pytest
    r"|(?i:\b(?:ok|pass|passed|failed)=\d+\s.{0,200}\b(?:skip|skipped|failed|unreachable)=\d)"  # summaries of test runs
    r"|(?i:^\s*(?:tests?|test suites|snapshots|specs):\s+\d.*\b(?:passed|failed|total)\b)"
    r"|\d x +\d.{0,200} -> .{0,200}\d x "  # the shapes of a network
    r"|\s--[a-z][\w-]{1,40}=\S.{0,300}\s--[a-z]"  # a command and its options
    r"|^(?:dtypes: \w+\(\d|memory usage: [\d.]+\+? [KMG]?B)|\bFetched [\d.,]+ [kMG]?B in "  # of data, of packages
    r"|(?i:\bcopyright\b.{0,20}\b(?:19|20)\d\d\b)"
    r"|(?:\.\d{1,3}){3}[.:]\d{1,5} ?(?:->|[>\u2192]) ?\d{1,3}(?:\.\d{1,3}){3}\b"  # a packet's way
    r"|\wError(?: \[\w+\])?: |Error: (?![-\d.])|Exception|(?<![\w-])sha\d*\b|SELECT |://|^\S+\.(?:py|c|cc|cpp|h|java|js):\d|\w\.py:\d+\("
)
_FOREIGN = re.compile(
    r"\s*(?:</?[A-Za-z][\w:.-]*(?:\s+[\w:-]+=[\"']|\s*/>)"  # markup
    r"|// ?[A-Za-z]|/\*|<!--|#(?:define|include|if|endif)\b"  # source code
    r"|(?:[a-z]+ ){0,3}(?:int|long|float|double|char|bool|const|let|var|auto|static) [\w*&<>\[\], ]{1,60}=.{0,200};"
    r"|(?:INSERT INTO|DELETE FROM|UPDATE \S+ SET|COPY \S+ \(.{1,200}\) FROM) "
    r"|[0-9a-f]{3,16}:\s+(?:[0-9a-f]{2} ){2})"  # machine code
)
_FOREIGN_END = re.compile(  # a statement, a system call, markup
    r"\w\(.{0,200}(?:(?:[;{]|;\s*\})\s*\Z|[\"{].{0,200}\)\s+= (?:-?\d|0x|\?))|</\w+>\s*\Z"
)
_REQUEST = re.compile(
    r"\b(?:(?:http_?)?status(?:_?code)?[\"']?[=:] ?[\"']?[1-5]\d\d\b|(?:responded|Completed|code=) ?[1-5]\d\d\b"
    r"|method=\"?[A-Z]{3,7}\b|statement: )"
)


def may_hold_metrics(text: str) -> bool:
    """Whether a line could hold metrics, because it has a number, and is none of these."""
    return any(map(str.isdigit, text)) and len(text) < 2000 and not _is_code(text)


def _is_code(text: str) -> bool:
    said = _said_by(text)
    return bool(
        _CODE.search(text, said) or _FOREIGN.match(text, said) or _FOREIGN_END.search(text) or _REQUEST.search(text)
    )


def _said_by(text: str) -> int:
    """Where the text begins behind a bracket that says what writes it: `[Parallel(n_jobs=2)]: Done`."""
    return text.find("]: ") + 3 if text.startswith("[") and "]: " in text[:80] else 0


def quoted(texts: Sequence[tuple[int, str]]) -> set[int]:
    """The numbers of the lines that a traceback quotes: each is below its file's name."""
    return {number + 1 for number, text in texts if text.lstrip().startswith('File "')}


def of_tests(texts: Sequence[tuple[int, str]]) -> set[int]:
    """The numbers of the lines that tell more of one test, in the Test Anything Protocol: below `ok 1 - adds`."""
    found: set[int] = set()
    under = within = False
    for number, text in texts:
        within = (under and text.strip() == "---") or (within and text.strip() != "...")
        if within:
            found.add(number)
        under = bool(_TEST.match(text))
    return found


_TEST = re.compile(r"\s*(?:not )?ok \d+\b")
