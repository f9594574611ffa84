"""The shape of a line: its numbers with their names, its counters, and the text that is left without them."""

from __future__ import annotations

import re
from dataclasses import field

from wandb_logging._dataclass import dataclass
from wandb_logging._mining.pairs import blot, blot_out, hidden, pairs, words_behind
from wandb_logging._mining.vocabulary import APART, METRICS, STEPS, TRAIN, is_id, is_metric, noun, step_rank
from wandb_logging._suggesting.counts import counts_behind
from wandb_logging._suggesting.name_lists import halves, in_brackets, name_lists, nested, slashed
from wandb_logging._suggesting.sentences import name_before_count, name_behind, name_behind_bar, step_in_sentence

BAR = re.compile(
    r"\d[\d.]{0,8}/ {0,4}\d[\d.]{0,8} (?:sec|min|hrs?|days?) \.{3,}"  # 2.1/2.1 min .......
    r"|\d{1,3}%\|[^|]{0,200}\||\[[=>.#\-\s]{5,200}\]|[━╸╺─█▉▊▋▌▍▎▏░▒▓▁▂▃▄▅▆▇⣿]+"
)
_COUNTER = re.compile(
    r"(?<![\w./,-])(?:([A-Z][a-z]{0,4})(?=\d+/))?"  # E1/3
    r"(\d{1,12})\s*(?:/|\bof\b)\s*(\d{1,12})(?:/\d{1,12})?(?![\w/])(?!\.\d)"
)
_EPOCH = re.compile(r"(?i)\bepoch\s?(?:\(\w{1,12}\))?\s*\[\s*(\d{1,9})\s*\](?=\s?\[)")  # Epoch [1][50/7330]
_BETWEEN = re.compile(r"\]\s?\[\s*\Z")
_RANGE = re.compile(r"(?<![\w./,-])(\d{1,9})-(\d{1,9})(?![\d.:/-])([A-Za-z]*)")
_GLUED = re.compile(r"(?<![\w.-])(\d{1,9})(epoch|step|iter|batch|it(?= \[))(?![A-Za-z])")
_GLUED_RESULT = re.compile(r"(?<![\w.-])([A-Za-z]{3,12})-?(\d{1,9}\.\d{1,12})(?![\w.])")  # loss0.546, loss-0.546
_BEGINS_GLUED = re.compile(r"\s*\[?(e|ep|epoch|it|iter|step|batch|round)_?(\d{1,9})(?=[\s:|,\]])", re.IGNORECASE)
_BEGINS_COUNTED = re.compile(
    r"\s*[\[(]\s*(\d{1,9}) (epochs?|iter(?:ation)?s?|steps?|updates?|episodes?|rounds?)\s*[\])]"
)
_NUMBERED = re.compile(r"(?<![\w#\[])# ?(\d{1,9})(?=[,:]?\s)")  # search #3, score: 0.5
_NAMED_NUMBER = re.compile(
    r"([A-Za-z]{2,20}) ?#(\d{1,9})(?![\w/.])|(?:(?<!\S)|(?<=\d-))([A-Z][a-z]{2,20})-(\d{1,9})(?=[-:,;\s])"
)  # Iteration #3, Epoch-3-Batch-200:
_COUNT_ALONE = re.compile(r"\s*[A-Za-z]{2,20} ?\[\s*(\d{1,9})\s*\]:?\s*\Z")  # run [50]:
_LONE = re.compile(
    r"\s*(?:(?:Run |[*+!] {1,9})(\d{1,9})(?=:\s)|\[(\d{1,3}(?:,\d{3})+)\]"
    r"|\[(?:\s*\d{1,9},)?\s*(\d{1,12})s?\s*\]|\[(\d{1,9}) \| [\d.]{1,12}\]|<(\d{1,9})>(?=\s)"
    r"|(?:\d{1,9}\|)?(\d{1,12})(?=:\s|,?\s+[A-Za-z]\S{0,20}\s*=|\s+--|\s*\||\)\s|\s+\[[A-Za-z]"
    r"|\s+\([A-Z][\w/]{0,20}\)\s"
    r"|\s+[A-Za-z][A-Za-z ]{2,40}\s\d\.\d+[eE]|\s{2,}[A-Za-z]+(?: [A-Za-z]+){0,2} -?\d[\d.]{0,12}\s+[A-Za-z]"
    r"|\s[A-Za-z]{1,20}\s\d\.\d+[eE])|[A-Za-z]\w{0,20}: ?\((\d{1,9})\)(?=\s[A-Z]))"
)
_OF_WHAT = re.compile(r"(\[[^\[\]]{3,80}\])\s*=\s*[-+.\de]+\s*\Z")
_WITH_DEVIATION = re.compile(r"(?<=\w) (?:\+/?-|±) [a-zA-Z][\w. ]*\Z")  # `Mean +- std dev: 3.2 us +- 1.5 us`
_NUMBER = re.compile(r"[-+]?\d+(?:[.,']\d+)*(?:[eE][-+]?\d+)?")
_SPACED = re.compile(r"([\[(]) | (?=[\])])")  # arrays such as [ 0.5 -1.]
_POINTED = re.compile(r"(?<=#)\.(?= ?[\])]| #)")
_BEFORE = re.compile(r"([A-Za-z#][\w ]{0,30}?)\s*[:=#]?\s*[\[(]?\s*\Z")
_LOOSE = ("node", "nodes", "tree", "trees", "chunk")  # names of steps that are names of places, too
_LEVEL = (
    r"(?:INFO|DEBUG|WARNING|WARN|ERROR|CRITICAL|FATAL|TRACE|NOTICE|LOG|info|debug|warning|warn|error|[IWEDF](?=[ \d]))"
)
_PREFIX = re.compile(
    r"\s*(?:[A-Z][A-Za-z]{1,4}\d{3,5}[IWE](?=\s)|"
    r"\([^\s]{10,160}:\d+\)|[IWEFD]\d{4}\s+\x01+\s+[\w-]+\s+\S+\]|"
    r"(?:Info|Warning|Debug|Note)\s{0,8}:(?=\s)|==\d+==(?=\s)|\[\d+,\d+\]<std\w+>:|\[[IWEDVF]\](?=\s)|[AP]M(?=\s)|"
    r"\x01+|\d\d[-/]\d\d(?= ?\x01)|[,.]\d{3}(?=\D)"
    rf"|(?!error(?: [a-z]+)?\s*[:=]\s*[-+.]?\d){_LEVEL}(?=[\s:|\]]|$)[\s:|]*"
    r"|\[(?=[^\]]*(?:\x01|INFO|DEBUG|WARN|ERROR|\.py|(?i:rank|gpu ?\d)))[^\]]{0,120}\]:?"
    r"|\[(?i:info|debug|warning|error)\]:?|\((?:INFO|DEBUG|WARNING|ERROR)\):"
    r"|[A-Z]{2,4}\t(?=\w[^\t]{2,80}:\t)"  # what kind of line it is, before a name, a colon and a number
    r"|c(?=\s+(?:(?!is\b)[A-Za-z]{2}|\[))"  # a comment, in the formats of logic
    r"|\((?=[^)]*(?:\x01|pid|\.py|:\d))[^)]{0,80}\)"
    rf"|\[[^\]\x01=]{{1,60}}\](?=\s*(?:\x01|\[{_LEVEL}\s*\]))|\[\d{{1,9}}\](?=\s{_LEVEL}\s)"
    r"|<\d+>(?!\s)|[-|:,]+(?=\s)|[=*#>~+-]{2,30}(?=\s)"
    r")"
)
_LOGGER = re.compile(
    r"\s*([A-Za-z_][\w.]*(?:\[\d+\]|:\d+(?=\s+[|-]))?)\s*(?:[|:]|\s-(?!>))\s*(?=\S)(?![\d.{-]|\[(?!\d{1,9}\]))"
)
_BASIC = re.compile(rf"{_LEVEL}:([A-Za-z_][\w.-]{{0,60}}):(?=\S)")  # as `basicConfig` writes level and logger
_CALLER = re.compile(r"\s*(?:[A-Za-z_][\w.]*:[\w.<>]+|[A-Za-z_]\w*(?:\.\w+)+):\d+ -(?=\s|\Z)")  # module[:function]:line


@dataclass
class Field:
    """A number in a line.

    Attributes:
        name: the number's name; "" if it has none.
        sep: as in `Pair`; also "/" for a counter, "-" for a range, "#" for a number that begins the line.
        total: the total of a counter, `30` in `20/30`.
    """

    name: str
    value: float
    sep: str
    start: int
    end: int
    unit: str = ""
    section: str = ""
    total: tuple[int, int] | None = None
    first: tuple[int, int] | None = None

    @property
    def is_counted(self) -> bool:
        """Whether it is one of several counts with their names behind them, as in `Files: 40 new, 2 changed`."""
        return self.section != "" and self.name.startswith(f"{self.section}/")


@dataclass
class Shape:
    """A line taken apart.

    Attributes:
        number: the line's number.
        text: the line.
        head: where the content begins, after time, level and logger.
        fields: the numbers in it.
        key: the text that all lines of this shape share.
        decimal: what separates the fraction of a number in it.
    """

    number: int
    text: str
    head: int
    fields: list[Field]
    key: str
    blotted: str = field(repr=False, default="")
    decimal: str = "."

    def is_place(self, index: int) -> bool:
        """Whether a number only says where something is: both in `largest force 3.1 in node 8 and dof 2`."""
        item = self.fields[index]
        if index == 0 or item.sep != " " or item.value % 1 or is_metric(item.name):
            return False
        before = self.text[self.fields[index - 1].end : item.start].rstrip().removesuffix(item.name).split()
        if before == ["and"]:
            return self.is_place(index - 1)
        return before == ["in"] and step_rank(item.name) in (None, *map(STEPS.get, _LOOSE))

    def upto(self, index: int) -> float:
        """The total of a counter; infinity if the line does not say it."""
        total = self.fields[index].total
        return float(self.text[slice(*total)]) if total else float("inf")


def shape(number: int, text: str, decimal: str = ".") -> Shape:
    """Find the shape of a line."""
    blotted = hidden(BAR.sub(blot, text))
    head = _head(blotted)
    counted, rest = _counters(name_before_count(blotted, head), head)
    listed, rest = slashed(rest, decimal)
    halved, rest = halves(rest, decimal)
    counted += [Field(name, value, "=", start, end) for name, value, start, end in [*listed, *halved]]
    about, behind, rest = counts_behind(rest, head, decimal)
    counted += [Field(name, value, "=", start, end, section=about) for name, value, start, end in behind]
    rest = name_behind_bar(rest, head)
    said, rest = step_in_sentence(rest, head)
    counted += [] if said is None else [Field(said[0], said[1], "+", said[2], said[3])]
    named = [
        Field(
            noun(pair.name, whole=not pair.value % 1) if pair.sep == " " else pair.name,
            pair.value,
            pair.sep,
            pair.start,
            pair.end,
            pair.unit,
            pair.section,
        )
        for pair in pairs(rest, decimal, head)
    ]
    for item in named:
        if item.sep == " " and re.search(r"\b(?:is|was|IS|WAS)\s*\Z", rest[: item.start]):
            _is_said(item)
        if item.sep == " " and not item.name:
            _named_after(item, rest)
        if not item.name:
            item.name = _indexed(rest[: item.start])
        item.name = _WITH_DEVIATION.sub("", item.name)
    if len(named) == 1 and not named[0].name:
        named[0].name, named[0].sep = name_behind(rest, named[0].end, head), ">"
    name_lists(named, rest)
    nested(named, rest)
    in_brackets(named, rest)
    _counted_results(named, rest)
    _qualified(named, rest)
    fields = sorted([*counted, *named], key=lambda item: item.start)
    _sentences(fields, blotted)
    return Shape(number, text, head, fields, _key(blotted, head), blotted, decimal)


def content(text: str) -> str:
    """A line without the time, level and logger before what it says."""
    return text[_head(hidden(text)) :]


def _head(blotted: str) -> int:
    basic = _BASIC.match(blotted)
    at, stamped = (basic.end(), True) if basic and not _says_what(basic[1]) else (0, False)
    for _ in range(12):
        match = _PREFIX.match(blotted, at)
        if match is None and stamped:
            match = _CALLER.match(blotted, at) or _LOGGER.match(blotted, at)
            if match and match.re is _LOGGER and _says_what(match[1]):
                match = None
        if match is None or match.end() == at:
            break
        stamped, at = True, match.end()
    while at < len(blotted) and blotted[at].isspace():
        at += 1
    return at


def _says_what(name: str) -> bool:
    """Whether a name before a colon says what the numbers are about, rather than being a logger's name."""
    return (
        step_rank(name) is not None or name.lower() in METRICS or bool(APART.fullmatch(name) or TRAIN.fullmatch(name))
    )


def _counters(blotted: str, head: int) -> tuple[list[Field], str]:
    """Find counters, ranges and lone numbers; also return the line without them."""
    lone = _lone(blotted, head)
    found = [*lone, *_of_totals(blotted, head, lone[0].end if lone else head)]
    for find in (_ranges, _glued, _beginnings, _glued_results, _numbered):
        found += find(blotted, head)
    starts = {one.start for one in found}
    found += [one for one in _named_numbers(blotted, head) if one.start not in starts]
    found += [Field("epoch", int(match[1]), "[", *match.span(1)) for match in _EPOCH.finditer(blotted, head)]
    _two_counters(found, blotted)
    rest = blotted
    for item in found:
        begin = item.first[0] if item.first else item.start
        end = item.total[1] if item.total else item.end
        rest = blot_out(rest, begin, end)
    return found, rest


def _lone(blotted: str, head: int) -> list[Field]:
    """A number without a name with which the line begins: `[10] ...`, `10: ...`."""
    match = _LONE.match(blotted, head) or _COUNT_ALONE.match(blotted, head)
    group = (match.lastindex or 1) if match else 1
    return [Field("", int(match[group].replace(",", "")), "#", *match.span(group))] if match else []


def _of_totals(blotted: str, head: int, start: int) -> list[Field]:
    """Counters with their totals: `20/30`."""
    return [
        Field(
            _glued_name(match[1]) if match[1] else _name_before(blotted[head : match.start()]),
            int(match[2]),
            "/",
            *match.span(2),
            total=match.span(3),
        )
        for match in _COUNTER.finditer(blotted, start)
    ]


def _glued_name(letters: str) -> str:
    """The name of a counter that letters begin: `E1/3` counts epochs; what `S10/60` counts is not said."""
    return letters if step_rank(letters) is not None else ""


def _ranges(blotted: str, head: int) -> list[Field]:
    """Ranges, whose second number counts: `batches 0-9`."""
    return [
        Field(
            match[3] or _name_before(blotted[head : match.start()]),
            int(match[2]),
            "-",
            *match.span(2),
            first=match.span(1),
        )
        for match in _RANGE.finditer(blotted, head)
        if int(match[1]) < int(match[2])
    ]


def _glued(blotted: str, head: int) -> list[Field]:
    """Numbers with their word right behind them: `3epoch`."""
    return [Field(match[2], int(match[1]), "+", *match.span(1)) for match in _GLUED.finditer(blotted, head)]


def _beginnings(blotted: str, head: int) -> list[Field]:
    """A step with which the line begins: `ep3`, `[3 epochs]`."""
    glued, counted = _BEGINS_GLUED.match(blotted, head), _BEGINS_COUNTED.match(blotted, head)
    found = [Field(glued[1], int(glued[2]), "+", *glued.span(2))] if glued else []
    return [*found, *([Field(counted[2], int(counted[1]), "+", *counted.span(1))] if counted else [])]


def _glued_results(blotted: str, head: int) -> list[Field]:
    """Metrics with their number right behind them: `loss0.546`."""
    return [
        Field(match[1], float(match[2]), "=", *match.span(2))
        for match in _GLUED_RESULT.finditer(blotted, head)
        if match[1].lower() in METRICS
    ]


def _numbered(blotted: str, head: int) -> list[Field]:
    """Numbers behind a sign, before pairs: `search #3, score: 0.5`."""
    return [
        Field("", int(match[1]), "#", *match.span(1))
        for match in _NUMBERED.finditer(blotted, head)
        if re.search(r"\w ?[:=]", blotted[match.end() :]) and not is_id(_name_before(blotted[head : match.start()]))
    ]


def _named_numbers(blotted: str, head: int) -> list[Field]:
    """Steps behind a sign: `Iteration #3`."""
    return [
        Field(match[at], int(match[at + 1]), "+", *match.span(at + 1))
        for match in _NAMED_NUMBER.finditer(blotted, head)
        if step_rank(match[(at := 1 if match[1] else 3)]) is not None  # the brackets are for Python 3.9
    ]


def _two_counters(found: list[Field], blotted: str) -> None:
    """Name two counters without names, as in `[1/25][50/1583]`: the epoch, and the step within that epoch."""
    for one, other in zip(found, found[1:]):
        if (
            one.sep == other.sep == "/"
            and not one.name
            and one.total
            and _BETWEEN.match(blotted, one.total[1], other.start)
        ):
            one.name = "epoch"


def _name_before(before: str) -> str:
    match = _BEFORE.search(before[-40:])
    name = match[1].strip() if match else ""
    last = name.split(" ")[-1] if name else ""
    if last.isdigit():
        return ""
    return last if last.lower() in STEPS else name


def _is_said(item: Field) -> None:
    """Take a name of several words before `is`, or one word and what it is about: `Accuracy for class: cat is 0.9`."""
    if item.name and is_metric(item.section) and item.section[0].isupper():
        item.name = f"{item.section} {item.name}"
    if len(item.name.split()) > 1:
        item.sep = "is"


def _named_after(item: Field, text: str) -> None:
    """Take the name from the text after the number if the word before it is no name: `After 10 nodes, ...`."""
    match = words_behind(text, item.start, item.end)
    if match:
        item.name, item.sep = match[1], ">"


def _counted_results(named: list[Field], text: str) -> None:
    """Find the count between a name and its number: `Train loss 12 0.345`, `Energy 12 = 0.345`."""
    for one, other, after in zip(named, named[1:], [*named[2:], None]):
        if after is not None and not text[other.end : after.start].strip():
            continue  # a row of numbers
        counts = text[one.start : one.end].isdigit() and one.sep == " " and not one.unit and is_metric(one.name)
        beside = text[one.end : other.start].strip() in {"", ":", "="} and not other.name
        if counts and beside and "." in text[other.start : other.end]:
            other.name, other.sep, one.name, one.sep = one.name, "=", "", "#"


def _qualified(named: list[Field], text: str) -> None:
    """Ignore names in brackets that only qualify the number: `Precision @[ IoU=0.50 | area=all ] = 0.4`."""
    match = _OF_WHAT.search(text)
    for item in named if match else ():
        if match and match.start() < item.start < match.end(1):
            item.name = ""


def _indexed(before: str) -> str:
    """The name before an index: `Epoch[3]` means that Epoch is 3."""
    match = re.search(r"([A-Za-z_]{1,20})\[\s*\Z", before[-30:])
    return match[1] if match and step_rank(match[1]) is not None else ""


def _sentences(fields: list[Field], blotted: str) -> None:
    """Find names that come before the counter in a sentence: `The average of x for batches 0-9 is 3.5`."""
    for before, item in zip(fields, fields[1:]):
        between = blotted[(before.total or (0, before.end))[1] : item.start].strip()
        if (
            before.sep == "/"
            and not item.name
            and (item.unit == "%" or _is_share(before, item, blotted))
            and between in {"(", "="}
            and step_rank(before.name) is None
        ):
            item.name, item.sep, item.section = before.name, "=", _section(blotted[: before.start])
            continue
        if item.name or before.sep not in "/-" or blotted[before.end : item.start].strip() not in {"is", "=", ":"}:
            continue
        begin = before.first[0] if before.first else before.start
        words = blotted[:begin].rpartition("\x01")[2].split(")")[-1].split()
        if len(words) > 3:
            told = _sum_of(item, fields, blotted)
            told.name, told.sep = " ".join(words[:-2]).replace("'", "").replace('"', "").strip(" :"), "is"


def _is_share(counter: Field, item: Field, text: str) -> bool:
    """Whether a number is what a counter says: `Accepted: 50 / 102 = 0.49`."""
    total = float(text[slice(*counter.total)]) if counter.total else 0.0
    return total > 0 and abs(counter.value / total - item.value) < _NEAR


_NEAR = 0.005


def _sum_of(item: Field, fields: list[Field], blotted: str) -> Field:
    """The sum in `a + b = c`: c; any other number itself."""
    if blotted[item.end : item.end + 3] != " + ":
        return item
    later = (one for one in fields if one.start > item.end and blotted[: one.start].rstrip().endswith("="))
    return next(later, item)


def _section(before: str) -> str:
    """The text before the last colon but one, or "" if there are not two colons."""
    parts = before.rpartition("\x01")[2].split(",")[0].split(":")
    return parts[0].strip() if len(parts) > 2 else ""


def _key(blotted: str, head: int) -> str:
    """The line with placeholders for its numbers and for what was blotted out."""
    text = re.sub(r"\x01+", "~", blotted[head:])
    text = " ".join(_NUMBER.sub("#", text).split())
    return _SPACED.sub(r"\1", _POINTED.sub("", text))[:400]
