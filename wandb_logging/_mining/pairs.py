"""Find names and numbers side by side in one line, in one pass: `a: 1`, `a=1`, `a 1`, `1 a`."""

from __future__ import annotations

import re

from wandb_logging._dataclass import dataclass
from wandb_logging._mining import numbers
from wandb_logging._mining.lines import blanks
from wandb_logging._mining.vocabulary import APART, APART_WORDS, TRAIN, is_metric, step_rank

MAX_PAIRS = 100  # pairs of one line
_MAX_NAME = 60

# Looks like a number but is none: dates, clocks, versions, addresses, hex, paths, ids. It runs in linear time: each
# alternative begins at a boundary and takes runs of characters that no other part of it can take.
_NOISE = re.compile(
    r"(?<![\w.])(?:"
    r"\d{4}[-/]\d\d[-/]\d\d(?:[T_ ]\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?:Z|[-+]\d\d:?\d\d)?)?"  # a date, and its time
    r"|\d\d/\d\d/\d\d(?:\d\d)?(?=[ T]\d\d:\d\d)|\d\d/\w{3}/\d{4}(?::\d\d:\d\d:\d\d(?: [-+]\d{4})?)?"
    r"|(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}\d{1,2}"
    r" \d\d:\d\d:\d\d(?: [A-Z]{2,4})?(?: \d{4})?"  # as `date` and `ctime` write it
    r"|00:00:\d{10}\.\d{6}"  # seconds since 1970 where Abseil has the clock before a log is set up
    r"|(?:\d+ days?, )?\d{1,4}:\d\d(?::\d\d)?(?:[.,]\d+)?(?![\w:])"  # a clock, or a duration
    r"|\d+ days? {1,4}\d+ hours? {1,4}\d+ minutes?(?: {1,4}[\d.]+ seconds?)?"
    r"|\d+h ?:?\d+m(?: ?:?\d+s)?|\d+m ?\d+s"
    r"|-?(?:\d+\.\d+|inf)\.\.-?(?:\d+\.\d+|inf)(?!\w)"  # a range: -16.15..-0.07
    r"|0x[0-9a-fA-F]+"
    r"|\d{1,6}(?: {0,3}[xX] {0,3}\d{1,6})+(?![\w.])"  # a size
    r"|\d+(?:\.\d+){2,}[\w.+-]*(?::\d{2,5}(?![\w.:]))?"  # a version, an address
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{9,40}"
    r"|\d{1,6}-\d{1,6}-\d{1,6}[\w-]*"
    r"|(?<=[a-z] )(?:True|False)(?![\w.])(?! (?:[Pp]os|[Nn]eg))"  # `accepted True`: a value, no part of a name
    r")"
)
_ADDRESSES = re.compile(
    r"\w{1,12}://[^\s\"'<>]+|(?<![\w./])/[\w.-]+(?:/[\w.@%+=-]*)+|\[[\w.-]{1,60}\.(?:py|cc?|cpp|go|rs|java):\d+[^\]]{0,80}\]?"
)
_HIDDEN = "\x01"

_UNIT_GLUED = r"(?P<glued>[A-Za-zµμ°%](?:[A-Za-zµμ/]{0,10}[A-Za-zµμ])?|/s(?:ec)?)?"
_TO_GOAL = r"(?=/ {0,3}\d[\d.]{0,12}(?:[eE][-+]?\d+|%|m?s)?(?:[,;\s)]|$))"
_EDGE = r"(?![\w%@/.:])|(?=(?:\.(?:\.\.)?|:)(?:\s|$))|(?=/(?:s|sec|it|step|epoch)\b|/[A-Za-z_]\w{0,30}=)|" + _TO_GOAL
_FORMS = {
    decimal: re.compile(
        rf"(?<![\w.#@$/\x01,^])(?<!\d')(?<!@\.\d:)(?<!@0\.\d:)(?<!@0\.\d\d:)(?<![\d)\]][-+])(?<![A-Za-z]-)(?:(?<=[\[(])|{numbers.UNHALVED[decimal]})(?P<number>{form}){_UNIT_GLUED}"
        rf"(?!%?\)\s?[:=]|\*[\w\"'(])(?<!%(?=[:=]))(?:{_EDGE})"
    )
    for decimal, form in ((".", numbers.POINT), (",", numbers.COMMA))
}
_GOAL = re.compile(r"/ {0,3}\d[\d.]{0,12}(?:[eE][-+]?\d+|%|m?s)?(?![\w.])")  # 0.923/0, 1.88/1e-07, 5.3%/20.1%
_PER_ONE = re.compile(r"(?:[munµ]?s|sec|it)/[a-z]{1,9}")  # 0.05s/iter
_INDEXED = re.compile(r"\]\s?[:=]\s*[-+.\d]")
_WORD_END = re.compile(r"(?<![^\W\d_])([A-Za-z]\w{0,40}) ?\Z")
_TUPLES = re.compile(r"\[\(\d{1,9}, ")  # [(0, 0.5), (1, 0.6)]
_NEXT_UNIT = re.compile(r" ?(?![A-Z] {0,3}=)\[?([A-Za-zµμ°%#][A-Za-zµμ/#%]{0,11})\]?(?=$|[\s,;|)\]}]|\.(?:\s|$))")
_TYPE = r"(?:[a-z]{1,5}\.)?(?:[tT]ensor|[aA]rray|DeviceArray|Decimal|[fF]loat\d\d|int\d\d)"
_SEPARATOR = re.compile(rf"\s*(?:(?<![-=])[-=]>|([:=<]))\s*(?:{_TYPE})?[\[({{'\"]{{0,3}}\s*\Z")
_DASH = re.compile(r"(?<=[A-Za-z]) -()\Z")  # loss - 0.5
_WRAPS = re.compile(rf" {_TYPE}\(")  # 100 tensor(0.5): the type is no name of what is before it
_WRAPPER = re.compile(rf"(?<=\w)\s{_TYPE}\(\Z")  # loss tensor(0.5)
_DELIMITER = re.compile(
    r"[,;|\u2502\u2503\u2551\t{}\x01]|!\s|(?<!\])\s{2,}|\s[-*/\u2013\u2014]+\s|\s[-=]{0,3}>{1,3}\s|"
    r"(?<!\b[A-Za-z]{3})(?<!\b[A-Z])(?<!\bFunc)(?<!\bCoef)(?<!\bGrad)(?<!\bTemp)(?<!\bSpec)"
    r"(?<!-[A-Z][a-z]{3})\.\s(?![a-z]+[ .])"
)
_NORM = re.compile(
    r"(?:(?<![^\d\s] )[A-Z][a-z]{2,20} |\w{1,20}\*|max|min|mean|sup)?(?:\|{1,2}[A-Za-z][^|\s]{0,12}\|{1,2} ?/ ?)?"
    r"\|{1,2}[A-Za-z](?:[^|\s]| (?=[a-z])){0,12}\|{1,2}(?:_\w{1,12})?(?:\^2|\*\*2)?\Z"
)  # |g|, ||dx||, scale*|T|, ||r||/||b||, |dV|^2
_QUOTED = re.compile(r"[('\s]'([A-Za-z_][\w ./-]{0,40})',\Z")  # ('loss', 0.5)
_SPACED_RATE = re.compile(r"(?:^|[|,;\t])\s*([A-Za-z]\w{0,20} / (?i:s|sec|second|step|iter|it|batch|epoch|op|min))\Z")
_AT_LEVELS = re.compile(r"(?<![\w/@])([A-Za-z][\w/]{0,20}@\[?0?\.\d{1,2}:0?\.\d{1,2}\]?)\Z")  # mAP@.5:.95
_QUALIFIED = re.compile(r"\s?\([^()]{0,20},[^()]{0,20}\)\Z")
_RATE = re.compile(
    r"\s?([A-Za-z]\w{0,20}/(?:s|sec|second|op|step|iter|ms|us)(?: per [A-Za-z]{2,8})?"
    r"|[A-Za-z]\w{0,20} per (?:second|minute))(?=$|[\s,;|()\]])"
)
_OWN_RATE = re.compile(
    r" [A-Za-z]\w{0,20}/s(?:ec)?(?: [a-z]{3,12})?(?=\s*(?:[(,;]|$))"
)  # `rate: 49.2 conn/s (`, `12 c/s real`
_SPEED = re.compile(r"\s([kKMG]?bps|[fFtTqQrRnNwW]ps|iops|IOPS)(?=\s)")
_HAS_RATE = re.compile(r"\d [A-Za-z]\w{0,20}/s(?:ec)?\b")
_CHOSEN = re.compile(
    r"(?i)(?:param\w{0,8}|config\w{0,10}|hparams|args)\W{0,3}\{[^{}]*\}"
)  # settings that were tried, no results
_PARENTHESISED = re.compile(r"\s*[(\[]\s*[^()\[\]]{0,40}[)\]](?!\s*[:=])")
_AFTER = re.compile(
    r"\s+([A-Za-z][\w/%.-]*(?: [A-Za-z][\w/%-]*){0,3})"
    r"(?=\s*(?:[,;(.]|\|(?![A-Za-z]{1,12}\|)|$)|\s:\s|\s+(?:based|in|of|after)\b)"
)
_INTERVAL = re.compile(r"(?<=[:=] )\[[-+.\deE]{1,24}, ?[-+.\deE]{1,24}\](?= +[-+.\d])")  # gap: [250, 388] 35.567 %
_UNITS_BEHIND = numbers.UNITS | {"#/sec", "frames", "Kbytes/sec", "Kbytes"}
_IS_UNIT = re.compile(r"(?<![^\s=:(\[])[-+]?\d[\d.]* (?! )\S+\s+\Z")  # a number and what stands between it and the next
_OPTION = re.compile(r"(?i)\b(?:reading|setting|using|option|default)\s+'\w{1,60}'\Z")  # reading 'chi_max'=20
_NAME = re.compile(r"[^\W\d_]|\d%\Z")
_LOOSE = re.compile(r"(?:^|\s)\d+(?:\s|$)(?!percentile)")
_CODE = frozenset("`\\$<>")  # characters that no name contains


_BEFORE_RATE = 50  # characters: two durations and what is around them
_IN_BAR = re.compile(r"\[\x01+<[\x01?]+, {0,3}\Z")  # `| 20/51 [00:02<00:05, 94.2 examples/s]`


@dataclass
class Pair:
    """A number in a line, and its name.

    Attributes:
        name: the name; "" if the number has none.
        value: the number.
        unit: the unit written after the number; "" if there is none.
        sep: what separates the two: `:`, `=`, `<`, or `" "` for blanks; `">"` if the name comes after the number.
        start: where the number begins in the line.
        end: where the number ends, without its unit.
        section: the text before the name that a colon separates from it.
        after: where the pair ends, with everything that belongs to it.
    """

    name: str
    value: float
    unit: str
    sep: str
    start: int
    end: int
    section: str = ""
    after: int = 0


def hidden(text: str) -> str:
    """The line at its full length, with everything blotted out that only looks like a number."""
    if "/" in text:
        text = _ADDRESSES.sub(blot, text)
    if "{" in text:
        text = _CHOSEN.sub(blot, text)
    return _NOISE.sub(blot, text)


def blot(match: re.Match[str]) -> str:
    """As many marks as a match is long: what is replaced by them is no part of any name or number."""
    return _HIDDEN * len(match[0])


def blot_out(text: str, start: int, end: int) -> str:
    """The line at its full length, with what stands from one place to another blotted out."""
    return text[:start] + _HIDDEN * (end - start) + text[end:]


def pairs(text: str, decimal: str = ".", start: int = 0) -> list[Pair]:
    """All numbers of a line and their names, in order.

    Args:
        text: the line as it is written; two blanks in it can separate pairs.
        decimal: "," if 3,5 means three and a half.
        start: where in the line to begin.
    """
    text = _INTERVAL.sub(blanks, hidden(text))
    found: list[Pair] = []
    at = start
    for match in _FORMS[decimal].finditer(text, start):
        if match.start() < at:
            continue
        pair = _pair(text, at, match, decimal)
        if pair is None:
            continue
        at = pair.after
        found.append(pair)
        if len(found) >= MAX_PAIRS:
            break
    _share_stems(found)
    _share_labels(found)
    return found


def _pair(text: str, at: int, match: re.Match[str], decimal: str) -> Pair | None:
    glued = match["glued"] or ""
    goal = _GOAL.match(text, match.end())
    value = _value(text, match, decimal, counts=goal is not None)
    if value is None:
        return None
    end = match.end("number")
    before = text[at : match.start()].rstrip()
    before = _WRAPPER.sub("", before) if before.endswith("(") else before
    sep = _SEPARATOR.search(before[-24:])
    if sep and before.strip() == ":" and _NAME.match(text[match.end() :].lstrip()):
        sep = None  # `a 1 : 2 b : c 3`: this colon separates pairs
    sep = sep or _DASH.search(before[-24:])
    sign = (sep[1] or "=") if sep else " "
    name, section = _name_of(before[: len(before) - (len(before[-24:]) - sep.start())] if sep else before, sign)
    name = name.removeprefix("+ ").removesuffix(" is") if sep else name  # `+ Final resolution is: 7.12`
    if not sep and (name in numbers.UNITS or _RATE.fullmatch(name)) and _IS_UNIT.search(text, 0, match.start()):
        name = ""  # `17 us 115.2 fps`
    between = sign if sep else "=" if name and before.endswith("',") else " "
    pair = Pair(name, value, glued, between, match.start(), end, section, (goal or match).end())
    if not sep and match["number"].lstrip("+-")[:1].isalpha() and not is_metric(name):
        return None  # here nan or inf is a word
    if match["number"].startswith("000") and match["number"].isdecimal() and step_rank(name) is None:
        return None  # `record = 0000001`: the name of something
    if not sep and not name and before.endswith(","):
        pair.name = _behind_comma(text, pair)
        pair.sep = "=" if pair.name else " "
    if not pair.name and (not sep or _SPEED.match(text, pair.after)):
        _named_after(pair, text)
    elif not glued:
        _take_unit(pair, text, match.end())
    follows = _PARENTHESISED.match(text, pair.after)
    if follows and _is_aside(follows[0]):
        pair.after = follows.end()
    return pair


def _take_unit(pair: Pair, text: str, end: int) -> None:
    """Take the unit behind the number, or a rate that makes its name."""
    unit = _NEXT_UNIT.match(text, end)
    rate = _RATE.match(text, end) if " per " in text or (pair.sep == " " and "/s" in text) else None
    rate = None if rate and rate[1] in numbers.UNITS else rate
    if rate and not is_metric(pair.name) and step_rank(pair.name) is None:
        pair.name, pair.after = f"{pair.name.removesuffix(' x')}/{rate[1]}", rate.end()
        pair.sep = ">" if pair.sep == " " else pair.sep
    elif (
        unit and unit[1].strip("[]") in _UNITS_BEHIND and pair.name.partition(" ")[0] != unit[1]  # `fps a: 1 fps b: 2`
    ):
        pair.unit, pair.after = unit[1], unit.end()
    elif pair.sep == ":" and (behind := _OWN_RATE.match(text, end)):
        pair.unit, pair.after = behind[0].partition(" ")[2].split()[0], behind.end()


def _is_aside(text: str) -> bool:
    """Whether what stands in brackets belongs to the number before it: it has no names of its own, and no step."""
    if _COUNTS.match(text) or _PARTS.match(text):
        return False
    step = _STEP_IN_BRACKETS.search(text)
    named = _NAMED_IN_BRACKETS.fullmatch(text.strip())
    if named and is_metric(named[1]) and STATISTICS.isdisjoint(named[1].lower().split()):
        return False  # `83 nodes (gap 14.0%)`
    counts = step is not None and step_rank(step[1]) is not None
    return not counts and text.count("=") + text.count(":") == 0 and not _HAS_RATE.search(text)


def _value(text: str, match: re.Match[str], decimal: str, *, counts: bool) -> float | None:
    """The value of a matched number; None if what follows it shows that it is no metric's number."""
    whole = match["number"].isdecimal()
    before = text[match.start() - 1] if match.start() else ""
    if whole and before == ":" == text[match.end() : match.end() + 1]:
        return None  # cuda:0: is the name of a device
    if whole and before == "[" and _INDEXED.match(text, match.end()) and _is_index(text[: match.start() - 1]):
        return None  # loss[3]: 0.5
    glued = match["glued"]
    unknown = bool(glued) and glued not in numbers.UNITS and not _PER_ONE.fullmatch(glued)
    compound = whole and _COMPOUND.match(text, match.end())  # 4-gram
    named = _PERCENTILE.match(text, match.end())
    if unknown or compound or named or (counts and whole) or _TUPLES.match(text, max(match.start() - 2, 0)):
        return None  # part of a word, a counter, or the first of many numbers
    try:
        return numbers.number(match["number"], decimal)
    except ValueError:
        return None


def _is_index(before: str) -> bool:
    """Whether a number in brackets is part of the name before it: in `loss[3]: 1`, but not in `epoch[3]: 1`."""
    name = _WORD_END.search(before)
    return name is not None and step_rank(name[1]) is None and (not before.endswith(" ") or is_metric(name[1]))


def _named_after(pair: Pair, text: str) -> None:
    """Take the name from the text after the number: `104.0 tps`, `14225 words/s`; but not the rate of a bar."""
    if _IN_BAR.search(text[max(pair.start - _BEFORE_RATE, 0) : pair.start]):
        return
    match = (
        _RATE.match(text, pair.after) or _SPEED.match(text, pair.after) or words_behind(text, pair.start, pair.after)
    )
    if match is None and text[: pair.start].endswith(", "):
        match = _LAST_COUNT.match(text, pair.after)
    if match:
        pair.name, pair.sep, pair.after = match[1].rstrip("."), ">", match.end(1)


def words_behind(text: str, start: int, end: int) -> re.Match[str] | None:
    """The words behind the number from `start` to `end` that can be its name.

    None if they are the name of the next number, as in `2 Log-likelihood : -728.3`.
    """
    match = None if _WRAPS.match(text, end) else _AFTER.match(text, end)
    return None if match and not text[:start].strip() and _NAME_OF_NEXT.match(text, match.end()) else match


def _behind_comma(text: str, pair: Pair) -> str:
    """The name in a line such as `[READ], AverageLatency(us), 243.51`: label, name and number, and nothing else."""
    match = _LABELLED.match(text[: pair.start])
    return f"{match[1]}/{match[2]}" if match and not text[pair.after :].strip() else ""


def _name_of(before: str, sep: str) -> tuple[str, str]:
    """The name that ends before the separator, and the section before the name."""
    before = before.rstrip()
    if before.endswith("  is"):  # `bird  is 0.5`
        before = f"{before[:-4].rstrip()} is"
    whole = _whole_name(before, sep)
    if whole:
        return whole, ""
    qualified = _QUALIFIED.search(before) if before.endswith(")") else None
    if qualified:
        name, section = _name_of(before[: qualified.start()], sep)
        return (name + qualified[0] if name else qualified[0].strip() if sep in ":=" else ""), section  # (r, r) = 0.5
    pieces = _DELIMITER.split(before)
    piece = pieces[-1].strip().lstrip(")] ").rstrip("[( ") if pieces else ""
    said = pieces[-2].rpartition(": ")[2].strip() if len(pieces) > 1 else ""
    if said and APART.fullmatch(said.strip(".")):
        piece = f"{said} {piece}"  # `Val.  loss`
    section = ""
    if sep == "=":
        piece = _behind_text(piece)
        said = _SAID.search(piece)
        piece = said[1] if said else piece
    if sep == ":" and _TIGHT.search(piece[-_MAX_NAME:]):  # a:text b:1
        piece = piece.rpartition(" ")[2]
    if ":" in piece:
        section, _, piece = (part.strip() for part in piece.rpartition(":"))
        section = _balanced(section).strip()
    wrapped = _WRAPPED.match(piece)
    piece = wrapped[1] if wrapped else piece if _LABEL.match(piece) else _balanced(piece)
    piece = piece.strip(" \"'*!-.").lstrip(">").strip(" ") if piece.endswith(">") else piece.strip(" \"'*!>-.")
    piece = piece.lstrip("/])").rstrip("[( ").strip()
    if (
        not _NAME.search(piece)
        or "='" in piece
        or (sep == "=" and _OPTION.search(before))
        or _LOOSE.search(piece)
        or len(piece) > _MAX_NAME
        or not (_CODE.isdisjoint(_LIMIT.sub("", piece)) or _ANGLED.match(piece))
    ):
        return "", section
    return _bare(piece), section


def _behind_text(piece: str) -> str:
    """The name behind the text of the pair before: `b` of `a=text b=1`, of `a="a text" b=1`, and of `a="b=1 text"`."""
    piece = piece.rpartition('" ')[2]
    _, equals, last = piece.rpartition("=")
    if not equals:
        return piece
    last = last.lstrip()
    return last[1:] if last[:1] == '"' else last.partition(" ")[2].strip()


def _whole_name(before: str, sep: str) -> str:
    """A name that holds what else would end it: `('a b', `, `|g|`, `Tokens / Sec`; "" if there is none."""
    quoted = _QUOTED.search(before) if before.endswith("',") else None
    if quoted:
        return quoted[1]
    norm = _NORM.search(before) if before.endswith(("|", "|^2", "|**2")) or "|_" in before else None
    if norm:
        return norm[0]
    chained = _CHAINED.search(before) if sep == "=" and " = " in before else None
    if chained:
        return chained[1]  # `GooF = S = 1.2`
    levels = _AT_LEVELS.search(before) if "@" in before else None
    if levels:
        return levels[1].replace(":", "-")
    rate = _SPACED_RATE.search(before) if " / " in before and sep in ":=" else None
    return rate[1] if rate else ""


def _bare(name: str) -> str:
    """Drop words that only introduce the name: `with valid loss` gives `valid loss`, `job a_17 has loss` `has loss`."""
    parts = name.split(" ")
    while len(parts) > 1 and parts[0] in _LEADING and parts[:2] not in _NAMES_OF_TWO:
        del parts[0]
    named = [i for i, word in enumerate(parts[:-1]) if _ID.fullmatch(word)]
    return " ".join(parts[named[-1] + 1 if named else 0 :])


def _balanced(name: str) -> str:
    """Remove a bracket from a name if its counterpart is missing."""
    for opening, closing in ("()", "[]"):
        if name.count(opening) > name.count(closing):
            name = name.rpartition(opening)[2]
        elif name.count(closing) > name.count(opening):
            name = name.rpartition(closing)[2]
        elif name.startswith(opening) and closing in name:
            name = name.partition(closing)[2]
    return name


_LABELLED = re.compile(r"\s*\[([A-Za-z][\w-]{0,30})\],\s*([A-Za-z0-9][\w()/=. -]{0,50}),\s*\Z")
_NAMED_IN_BRACKETS = re.compile(r"[(\[]([A-Za-z][\w ]{0,20}) \d[\d.]{0,12}%?[)\]]")
_PARTS = re.compile(
    r"\s*[(\[](?:[A-Za-z]\w{0,20} -?\d{1,9}\.\d{1,12}(?:, ?|(?=[)\]]))){2,9}[)\]]"
)  # (cls 0.5, box 0.25)
_COUNTS = re.compile(r"\s*\(\d[\d.]* [a-z]{2,20}(?:, (?:\d[\d.]* [a-z]{2,20}|[a-z]{2,20} \d[\d.]*)){1,5}\)")
_NAME_OF_NEXT = re.compile(rf"\s*[:=]\s+{numbers.PLAIN}\s*\Z")
_LAST_COUNT = re.compile(r" ([a-z]{2,20})\)")
_STEP_IN_BRACKETS = re.compile(r"[(\[]([A-Za-z]{2,20})[ :=#]{1,2}\d+[)\]]\Z")
_LIMIT = re.compile(r"(?<=\w)\(\w{1,12}->\w{1,12}\)\Z")  # energy(sigma->0)
_ANGLED = re.compile(r"<\w{1,30}>\Z")  # <energy>: an average
_PERCENTILE = re.compile(
    r" percentile(?:\b[^:=]{0,30}[:=]|\s{2,}[-+]?\d)"
)  # `50.00 percentile latency (ns) : 38123456789`: all a name
_COMPOUND = re.compile(rf"-(?!(?:train|{APART_WORDS})\b)[A-Za-z_]{{2}}")
_CHAINED = re.compile(r"(?:^|[,;|]|\s{2})\s*([A-Za-z]\w{0,20} = [A-Za-z]\w{0,20})\Z")
_TIGHT = re.compile(r"\w:[^\s:/]\S* [^\s:]+\Z")
_LEADING = frozenset("with and has in on at for With And Has On At For".split())  # `In root: 650` is a name
_NAMES_OF_TWO = (["in", "use"], ["At", "safepoint"])
_ID = re.compile(r"(?=\w*\d)(?:(?!\D+_\d\Z)\w+_\w+|(?=\w*[a-z])\w{9,})")  # a_17, but not log_2
_WRAPPED = re.compile(r"\(([A-Za-z]\w{0,30})\)\Z")  # (delta): 0.5
_SAID = re.compile(r" (?:with|using|at|to|by|for) ([A-Za-z]\w{0,40}_\w{1,40})\Z")  # it is enabled with max_tokens=8192
_LABEL = re.compile(r"\[([A-Za-z][\w-]{0,30})\]\s*(\S.*)")


def _share_labels(found: list[Pair]) -> None:
    """Give a label to all pairs that follow it, up to the next label: `[train] loss=1, acc=2, [valid] loss=3`."""
    label = ""
    for pair in found:
        match = _LABEL.match(pair.name)
        if match:
            label, pair.name = f"{match[1]}/", _balanced(match[2]).strip()
        own = bool(APART.fullmatch(label[:-1]) and (APART.match(pair.name) or TRAIN.match(pair.name)))
        if label and pair.name and step_rank(pair.name) is None and not own:
            pair.name = label + pair.name


STATISTICS = frozenset("min max mean avg average stdev stddev std median sd p50 p90 p95 p99".split())


def _share_stems(found: list[Pair]) -> None:
    """Share the first part of a name: `Courant Number mean: 0 max: 0` has two numbers of one thing."""
    stem = ""
    for pair in found:
        first, _, last = pair.name.rpartition(" ")
        if last.lower() in STATISTICS:
            if first:
                stem = first
            elif stem:
                pair.name = f"{stem} {last}"
        elif pair.name:
            stem = ""
