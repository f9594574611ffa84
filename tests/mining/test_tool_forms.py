"""Forms of simulations, solvers and tools that watch a machine, written from memory: tables, times, and no results."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.mining.test_other_forms import SIX, lines, rows


def test_columns_may_be_called_by_what_they_divide() -> None:
    """A header of single blanks is one where its first name counts: `Step Temp c_press[1] S/CPU`."""
    text = "Step Temp c_press[1] S/CPU \n" + lines("  {i}0   0.{i}5   -3.{i}   1{i}.5 \n", *SIX)
    assert rows(text)[-1] == (60, {"Temp": 0.65, "c_press[1]": -3.6, "S/CPU": 16.5})


def test_a_row_with_a_word_before_it_belongs_to_no_table_without() -> None:
    """`Histogram: 1 0 0` below a table is no step of it, though it has as many numbers."""
    text = "Step Temp PotEng\n" + lines("  {i}0   0.{i}5   -3.{i}1\n", *SIX)
    assert rows(text + "Loop time of 0.1 on 1 procs\nHistogram: 1 0 0\n") == rows(text)


@pytest.mark.parametrize(
    ("head", "ones"),
    [("CPU", ("all", "0", "1")), ("IFACE", ("lo", "eth0", "wlan0")), ("CPU", ("2", "5", "7"))],
)
def test_what_a_row_is_of_is_in_its_names(head: str, ones: tuple[str, ...]) -> None:
    """The processor, or the interface, behind the time of day: also where it is a number."""
    blocks = [
        f"10:00:0{i}     {head:>5}    %usr    %sys   %idle\n"
        + "".join(f"10:00:0{i + 1}     {one:>5}   1{i}.00   2{i}.00   6{i}.50\n" for one in ones)
        for i in range(1, 5)
    ]
    found = rows("\n".join(blocks))
    assert len(found) == 12
    assert found[1] == (
        None,
        {f"{ones[1]}/{name}": value for name, value in (("%usr", 11), ("%sys", 21), ("%idle", 61.5))},
    )


def test_a_command_at_the_end_of_rows_is_in_their_names() -> None:
    """Where the same commands come again and again, as pidstat has them, each has curves of its own."""
    text = "".join(
        f"\n10:00:0{i}      UID       PID    %usr   %wait  Command\n"
        + "".join(
            f"10:00:0{i + 1}        0      140{k}   1{i}.00    2.{i}0  {one}\n" for k, one in enumerate(("sh", "bash"))
        )
        for i in range(1, 5)
    )
    assert rows(text)[-2:] == [(None, {"sh/%usr": 14, "sh/%wait": 2.4}), (None, {"bash/%usr": 14, "bash/%wait": 2.4})]


@pytest.mark.parametrize("others", [(), ("  7", "SUM")])
def test_connections_in_brackets_are_told_apart(others: tuple[str, ...]) -> None:
    """The number of a connection is before its row in iperf, and SUM for all; one alone needs no name."""
    ones = ("  5", *others)
    text = "[ ID] Interval           Transfer     Bitrate\n"
    for i in range(4):
        text += "".join(f"[{one}]   {i}.00-{i + 1}.00   sec  1.3{i} GBytes  11.{i} Gbits/sec\n" for one in ones)
        text += "- - - - - - - - - - - - -\n" if others else ""
    label = f"[{ones[-1]}]/" if others else ""
    assert len(rows(text)) == 4 * len(ones)
    assert rows(text)[-1] == (None, {f"{label}Transfer": 1.33, f"{label}Bitrate": 11.3})


def test_a_name_may_begin_with_a_preposition() -> None:
    """`At safepoint` is what the JVM calls a time, not the place of one."""
    text = lines(
        '[{i}.1s] Safepoint "G1", Reaching safepoint: 52{i} ns, At safepoint: 923{i} ns, Total: 976{i} ns\n', *SIX
    )
    assert rows(text)[-1][1] == {"Reaching safepoint": 526, "At safepoint": 9236, "Total": 9766}


@pytest.mark.parametrize("average", ["Average:", "Moyenne\u202f:", "M\u00e9dia:"])
def test_decimal_commas_change_nothing_about_a_table(average: str) -> None:
    """What a row is of is in its names, and the first number is no name, as with points."""
    head = "     IFACE   rxkB/s   txkB/s\n"
    text = "".join(
        f"\n10:00:0{i}{head}" + "".join(f"10:00:0{i + 1}     {one:>5}   {i}7,02   1.234,50\n" for one in ("lo", "eth0"))
        for i in range(1, 5)
    )
    text += f"\n{average:9}{head}" + "".join(f"{average:9}     {one:>5}    23,10     0,00\n" for one in ("lo", "eth0"))
    found = rows(text)
    assert found[1] == (None, {"eth0/rxkB/s": 17.02, "eth0/txkB/s": 1234.5})
    assert found[-1] == (None, {"eth0/rxkB/s": 23.1, "eth0/txkB/s": 0})
    text = "".join(f"avg-cpu:  %user   %nice   %idle\n          {i}8,00   27,80  14,{i}0\n\n" for i in range(1, 5))
    assert rows(text)[-1] == (None, {"%user": 48, "%nice": 27.8, "%idle": 14.4})


def test_a_date_and_a_time_are_one_cell_under_one_name() -> None:
    """Under `UTC`, as vmstat has it: no cell before it moves to another column."""
    text = " r  b   swpd   free us sy id                 UTC\n"
    text += lines(" 7  0      0 81200{i} 8{i} 1{i}  {i} 2026-11-30 06:22:5{i}\n", *SIX)
    assert rows(text)[-1] == (None, {"r": 7, "b": 0, "swpd": 0, "free": 812006, "us": 86, "sy": 16, "id": 6})


def test_texts_of_a_table_may_stand_in_quotes() -> None:
    """As `console.table` has them, in which the first column only counts the rows, and the next tells them apart."""
    text = "│ (index) │ Task name │ Latency avg (ns)  │ Samples │\n"
    text += "".join(f"│ {i}       │ 'sort{i}'   │ '{i}10.74 ± 14.97%' │ 48552{i}  │\n" for i in range(4))
    assert rows(text)[-1] == (None, {"sort3/Latency avg (ns)": 310.74, "sort3/Samples": 485523})


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("$SYS/load/{i}/sent/1min 0.{i}5\n", {f"$SYS/load/{i}/sent/1min": float(f"0.{i}5") for i in SIX}),
        ("servers.web0{i}.load {i} 179585623{i}\n", {f"servers.web0{i}.load": i for i in SIX}),
    ],
)
def test_a_path_is_the_name_of_its_number(line: str, found: dict[str, float]) -> None:
    """As subscribers of MQTT and Graphite's plain text have it; the time behind the number is none of it."""
    assert {name: value for _, row in rows(lines(line, *SIX)) for name, value in row.items()} == found


def test_streams_of_one_table_are_apart() -> None:
    """Also in rows that lack the last cells, and where a unit stands behind a range."""
    text = "[ ID][Role] Interval           Transfer     Bitrate         Retr  Cwnd\n" + "".join(
        f"[  {one}][TX-C]   {i}.00-{i + 1}.00   sec   30{i} MBytes  2.5{one} Gbits/sec    {i}{cwnd}\n"
        for i in range(3)
        for one, cwnd in ((5, f"    76{i} KBytes"), (7, ""))
    )
    assert rows(text)[-2:] == [
        (None, {"[ 5][TX-C]/Transfer": 302, "[ 5][TX-C]/Bitrate": 2.55, "[ 5][TX-C]/Retr": 2, "[ 5][TX-C]/Cwnd": 762}),
        (None, {"[ 7][TX-C]/Transfer": 302, "[ 7][TX-C]/Bitrate": 2.57, "[ 7][TX-C]/Retr": 2}),
    ]


def test_a_table_behind_the_name_of_its_program() -> None:
    """What is before both the header and the rows is no cell."""
    head = "bench: info:  [1234] "
    text = f"{head}stressor   bogo ops  real time\n" + lines(head + "cpu            10{i}       2{i}.5\n", *SIX)
    assert rows(text)[-1] == (None, {"bogo ops": 106, "real time": 26.5})


def test_quoted_cells_are_numbers() -> None:
    """As CSV has them."""
    text = '"test","rps","p50_latency_ms"\n"GET","150375.94","0.207"\n"INCR","51679.59","0.223"\n"SET","4.5","0.1"\n'
    assert rows(text)[1] == (None, {"INCR/rps": 51679.59, "INCR/p50_latency_ms": 0.223})


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("[{i}.58s][info][gc] Allocation Stall (main) 2{i}.827ms\n", "gc/Allocation Stall (main)", 26.827),
        (" MD| Conserved quantity [hartree]        -0.11{i}E+01\n", "Conserved quantity [hartree]", -1.16),
        (" MD| CPU time per MD step [s]      0.8{i}9     0.7{i}9\n", "CPU time per MD step [s]", 0.869),
    ],
)
def test_a_unit_says_that_a_number_is_measured(line: str, name: str, value: float) -> None:
    """Of a time, behind the number; of anything, in brackets behind the name."""
    assert rows(lines(line, *SIX))[-1] == (None, {name: pytest.approx(value)})


def test_a_report_given_again_has_the_same_rows() -> None:
    """Also if the least and the most are the same in both; a pair of what was read and written counts nothing."""
    one = (
        "    clat (usec): min=3, max=40102, avg=3{i}.99, stdev=54{i}.16\n"
        "  vda: ios={i}/141{i}, merge=0/{i}, ticks=0/254{i}, in_queue=285{i}, util=42.2{i}%\n"
    )
    found = rows(lines(one, 1, 2))
    assert found[0] == (
        None,
        {"clat (usec)/min": 3, "clat (usec)/max": 40102, "clat (usec)/avg": 31.99, "clat (usec)/stdev": 541.16},
    )
    assert {step for step, _ in found} == {None}


@pytest.mark.parametrize(
    "text",
    [
        "value  ------------- distribution ------------- count\n"
        + lines("  0.30{i} |********************* 89{i}\n", *SIX),
        "job:\n" + lines('{{\n    "Color": {{\n        "ColorMatrix": {i},\n        "Width": 32{i}\n    }},\n', *SIX),
        lines("  x: [ 1.000e+00  1.000e+00]\n  jac: [[ 1.0  0.{i}]\n", *SIX),
    ],
)
def test_what_looks_like_results_and_is_none(text: str) -> None:
    """Histograms, members of objects, vectors, and how many there are of something, told again and again."""
    assert rows(text) == []


def test_how_many_there_are_of_something_is_told_and_no_result() -> None:
    """Though it is told before each step, beside what is one."""
    text = lines(" Number of electrons:     2\n Number of orbitals:    1\n Total energy:  -1.{i}52\n\n", *SIX)
    assert {name for _, row in rows(text) for name in row} == {"Total energy"}


def test_whose_process_a_row_is_of_is_no_metric() -> None:
    """Nor is the user; what else the row has is."""
    text = "# Time        UID       PID  minflt/s     RSS   %MEM  Command\n" + lines(
        "03:58:3{i}        0     2482{i}   118{i}.92   9948{i}   0.4{i}  python\n", *SIX
    )
    assert rows(text)[-1] == (None, {"minflt/s": 1186.92, "RSS": 99486, "%MEM": 0.46})


def test_a_mark_behind_a_row_is_no_cell() -> None:
    """A name of two words keeps both."""
    text = " objevals:        objval:      violated:    viol. norm:\n" + lines(
        "        {i}0           4{i}.7              8         5{i}.447 i\n", *SIX
    )
    assert rows(text)[-1] == (60, {"objval:": 46.7, "violated:": 8, "viol. norm:": 56.447})


def test_rows_of_another_table_between_the_rows_are_none() -> None:
    """The first cell of one is a word, of the other a number."""
    scf = "   convergence     iter      energy     DeltaE     RMS    time\n"
    below = lines(" d= 0,ls=0.0,diis   {i}   -76.34{i}   -8.5D+0{i}  5.5D-0{i}   0.{i}\n", *SIX)
    atoms = lines("   {i} O    0.000   0.000   -0.{i}   0.012\n", *SIX[:3])
    assert rows(scf + below + "\n" + atoms + scf + below) == [
        (i, {"energy": float(f"-76.34{i}"), "DeltaE": -8.5 * 10**i, "RMS": pytest.approx(5.5 / 10**i), "time": i / 10})
        for _ in range(2)
        for i in range(1, 7)
    ]


def test_cells_that_commas_part_may_be_behind_what_a_logger_writes() -> None:
    """Also where the time of day has a comma itself."""
    head = "2026-11-30 03:1{i}:02,4{i}1 INFO trainer "
    text = head.format(i=0) + "epoch,train_loss,valid_acc\n" + lines(head + "{i},0.{i}5,0.8{i}\n", *SIX)
    assert rows(text)[-1] == (6, {"train_loss": 0.65, "valid_acc": 0.86})


def test_thousands_within_a_line_are_numbers_of_its_rule() -> None:
    """`K` is of the number, whether somebody wants it or not."""
    text = lines(
        "0.{i}: [GC [Young: 2{i}273K->393{i}K(38400K)] 5978{i}K->434{i}K] [Times: user=0.0{i} sys=0.00]\n",
        *SIX,
    )
    assert [row["user"] for _, row in rows(text)] == [i / 100 for i in SIX]


def test_a_pair_below_a_table_is_no_row_of_it() -> None:
    """`Transfer/sec: 267.20KB` has a name of its own."""
    text = "       Value   Percentile   TotalCount  PerMille\n" + lines(
        "       0.{i}20     0.{i}00000         100{i}      {i}.11\n", *SIX
    )
    assert rows(text + "Requests/sec:   2000.11\nTransfer/sec:    267.20KB\n")[-2:] == [
        (None, {"Requests/sec": 2000.11}),
        (None, {"Transfer/sec": 267.2}),
    ]


@pytest.mark.parametrize(
    ("titles", "names"),
    [
        (["====== SET ======", "====== MSET (10 keys) ======"], ["SET", "MSET (10 keys)"]),
        (["SQL script 1: <builtin: simple>", "SQL script 2: a.sql"], ["SQL script 1", "SQL script 2"]),
        (["[stats @ 0x55d0] Channel: 1", "[stats @ 0x55d0] Overall"], ["Channel 1", "Overall"]),
        (["Stats in restore-size mode:", "Stats in raw-data mode:"], ["restore-size", "raw-data"]),
        (["Original Problem   :", "Presolved Problem  :"], ["Original Problem", "Presolved Problem"]),
    ],
)
def test_a_title_says_which_of_several_the_lines_below_it_are_of(titles: list[str], names: list[str]) -> None:
    """What is told below each has the title's name before its own; what is told above the first has none."""
    said = "latency average = {i}.357 ms\nerror rate: 0.{i}5%\n"
    text = said.format(i=1) + "".join(f"{title}\n" + said.format(i=i) for i, title in enumerate(titles, 2))
    found = {name: value for _, row in rows(text) for name, value in row.items()}
    assert found["latency average"] == 1.357
    assert [found[f"{name}/latency average"] for name in names] == [2.357, 3.357]
    assert [found[f"{name}/error rate"] for name in names] == [0.25, 0.35]


def test_titles_that_count_are_steps_and_no_sections() -> None:
    """Below `=== Epoch 2/5 ===` stands what belongs to the second epoch."""
    text = "".join(f"=== Epoch {i}/5 ===\nloss: 0.{9 - i}1\n" for i in range(1, 6))
    assert rows(text)[-1] == (5, {"loss": 0.41})


@pytest.mark.parametrize("last", ["", " CPU used per"])
def test_numbers_end_where_their_names_of_several_words_end(last: str) -> None:
    """Two names that are one blank apart are told apart by the numbers below them, as stress-ng has them."""
    text = f"tool: info:  [42] stressor       bogo ops real time  usr time   bogo ops/s{last}\n"
    text += f"tool: info:  [42]                           (secs)    (secs)   (real time){last and ' instance (%)'}\n"
    for i, name in enumerate(("cpu", "vm", "hdd")):
        text += f"tool: info:  [42] {name:8}           3{i}66      3.0{i}      1.4{i}      102{i}.55"
        text += f"        4{i}.23\n" if last else "\n"
    values = {"bogo ops": 3266, "real time": 3.02, "usr time": 1.42, "bogo ops/s": 1022.55}
    values.update({"CPU used per": 42.23} if last else {})
    assert rows(text)[-1] == (None, {f"hdd/{name}": value for name, value in values.items()})


def test_counts_below_one_another_are_a_report() -> None:
    """As vmstat prints them once: a number, a unit at most, and a name of several words."""
    names = (
        "total memory",
        "used memory",
        "free memory",
        "swap cache",
        "idle ticks",
        "pages in",
        "pages out",
        "context switches",
    )
    units = ("M", "M", "M", "K", "", "", "", "")
    text = "".join(f"  {i}24105 {unit:1}{unit and ' '}{name}\n" for i, (name, unit) in enumerate(zip(names, units), 1))
    assert [row for _, row in rows(text)] == [{name: i * 100000 + 24105} for i, name in enumerate(names, 1)]
    words = "".join(f"  {i}24105 {name.split()[0]}\n" for i, name in enumerate(names, 1))
    assert rows(words) == []  # what `uniq -c` prints
    left = "Tcp:\n" + "".join(f"    {7**i} {name}\n" for i, name in enumerate(names, 1))
    assert [row for _, row in rows(left)] == [{name: 7**i} for i, name in enumerate(names, 1)]
    assert rows("".join(f"    {i} {name}\n" for i, name in enumerate(names, 1))) == []  # a list with numbers


def test_the_name_of_a_setting_amid_results_is_a_result() -> None:
    """`Crest factor` in a report of ten measured numbers is one of them."""
    names = (
        "Mean difference",
        "RMS amplitude",
        "Flat factor",
        "RMS error",
        "Mean error",
        "Crest factor",
        "Max error",
        "Min error",
        "RMS",
    )
    text = "".join(f"{name}: {i}.25\n" for i, name in enumerate(names))
    assert {name for _, row in rows(text) for name in row} == set(names)


def test_names_behind_numbers_that_differ_in_a_word_are_not_one() -> None:
    """`1.86s user time` and `0.66s system time` are no curve called `time`."""
    text = "run time: 3.25\n" + "".join(
        f"tool: info:  [42]       {value}s {name} time ( 1{value}%)\n"
        for value, name in ((1.86, "user"), (0.66, "system"), (2.52, "total"))
    )
    assert not any("time" in row for _, row in rows(text))


@pytest.mark.parametrize(
    "loads", [(1, 3, 3, 4), (0, 1, 1, 2, 2), (2, 2, 3, 3, 5), (0, 0, 0, 1), (1, 2, 4, 5, 9), (1, 2, 2, 3, 4, 5, 6, 7)]
)
def test_a_load_that_happens_to_grow_is_no_step(loads: tuple[int, ...]) -> None:
    """A first column whose name is no step's counts only where its numbers leave no doubt: no row of vmstat is lost."""
    text = " r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st\n"
    for i, load in enumerate(loads):
        text += (
            f"{load:2}  {i % 2}      0 81{i}344 102344 512344{i}    0    0    {i}    3{i}  12 3{i}  3  1 9{i}  1  0\n"
        )
    assert [(step, found["r"]) for step, found in rows(text)] == [(None, load) for load in loads]


@pytest.mark.parametrize("counts", [range(4), (10, 20, 30, 40), (1, 2, 4, 8, 16, 32)])
def test_a_first_column_that_counts_is_the_step_whatever_its_name(counts: Sequence[int]) -> None:
    """Numbers that grow by the same amount, or that always grow in many rows, count the rows."""
    text = "  wave   energy   drift\n"
    text += "".join(f"  {count:4}   {i}.25     0.0{i}1\n" for i, count in enumerate(counts))
    assert [step for step, _ in rows(text)] == list(counts)


def test_lines_whose_units_change_are_one_curve_in_one_unit() -> None:
    """`900ms` and `1.2s` are taken by one rule that converts; so is `767 KBytes` in a column, and what is no metric."""
    took = ("900ms", "1.5s", "850ms", "2s", "750us")
    text = "".join(f"step {i} time={one} loss=0.{i}5 left: {one}\n" for i, one in enumerate(took, 1))
    found = rows(text)
    assert [step for step, _ in found] == [1, 2, 3, 4, 5]
    assert [row["loss"] for _, row in found] == [0.15, 0.25, 0.35, 0.45, 0.55]
    assert [row["time"] for _, row in found] == pytest.approx([900, 1500, 850, 2000, 0.75])
    window = ("767 KBytes", "1.25 MBytes", "2.50 MBytes")
    text = "[ ID] Interval           Transfer     Bitrate         Retr  Cwnd\n"
    for i, one in enumerate(window):
        text += f"[  5]   {i}.00-{i + 1}.00   sec   11{i} MBytes   94{i} Mbits/sec    {i}   {one:>11}\n"
    assert [row["Cwnd"] for _, row in rows(text)] == [767, 1280, 2560]


def test_units_that_change_in_the_lines_of_several_ranks() -> None:
    """The curves of other processes are converted, too, each in its own first unit."""
    text = "".join(
        f"[rank{rank}]: step {i} time: {one} loss: 0.{i}{rank}\n"
        for i, one in enumerate(("900 ms", "1.5 s", "850 ms", "2 s"), 1)
        for rank in (0, 1)
    )
    for tail in ("", "/l:1"):
        assert [row[f"time{tail}"] for _, row in rows(text) if f"time{tail}" in row] == [900, 1500, 850, 2000]


def test_lines_that_only_count_may_have_different_numbers_beside() -> None:
    """MrBayes has its chains behind the generation, and in a table below nothing that is a number."""
    text = "       3600 -- (-1455.286) [-1457.254] * [-1449.020] (-1458.976) -- 0:00:00\n"
    text += "       4000 -- (-1454.126) [-1452.907] * [-1452.979] (-1456.235) -- 0:00:00\n"
    text += "      Average standard deviation of split frequencies: 0.023184\n"
    assert rows(f"{text}      15 -- ...**..\n") == [
        (4000, {"Average standard deviation of split frequencies": 0.023184})
    ]


@pytest.mark.parametrize("wide", [19, 18, 17])
def test_names_stand_over_numbers_that_end_a_little_before_them(wide: int) -> None:
    """As stress-ng has them, whose header has one blank between columns: no name goes to the number beside its own."""
    head = "stress-ng: metrc: [1234] "
    text = f"{head}stressor       bogo ops real time  usr time  sys time   bogo ops/s     bogo ops/s\n"
    text += f"{head}                           (secs)    (secs)    (secs)   (real time) (usr+sys time)\n"
    for one in ("cpu", "vm "):
        text += f"{head}{one}{14032:>{wide + 1}}     10.00     19.92      0.01      1403.12         704.06\n"
    numbers = {"bogo ops": 14032, "real time": 10, "usr time": 19.92, "sys time": 0.01, "bogo ops/s": 1403.12}
    for (_, found), one in zip(rows(text), ("cpu", "vm")):
        assert found == {f"{one}/{name}": value for name, value in {**numbers, "bogo ops/s 2": 704.06}.items()}
    assert len(rows(text)) == 2


def test_what_is_begun_is_no_result() -> None:
    """How many of something a tool starts was said on its command line: `dispatching hogs: 2 cpu, 1 vm`."""
    end = "stress-ng: info:  [1234] passed: 2, failed: 1\n"
    assert rows(f"stress-ng: info:  [1234] dispatching hogs: 2 cpu, 1 vm\n{end}") == rows(end)
    assert rows("tool: done with hogs: 2 cpu, 1 vm\n" + end) != rows(end)


def test_what_each_part_of_a_test_took_is_told_apart_by_its_headings() -> None:
    """`setting records:` and `getting records:` stand once each above the same names, as in Kyoto Cabinet's tests."""
    text = "".join(f"{one} records:\ncount: {i}000\ntime: 0.{i}5\n" for i, one in enumerate(("setting", "getting"), 1))
    assert rows(text)[0] == (None, {"setting records/count": 1000})
    assert rows(text)[-1] == (None, {"getting records/time": 0.25})


def test_what_is_tested_is_in_the_names_of_its_rates() -> None:
    """The number of `1.25 GB/sec` is no value of the line above; what is tested is above that, as in perf."""
    text = "".join(
        f"# Running mem/{one} benchmark...\n# Copying 1MB bytes ...\n\n       {i}.182279 GB/sec\n\n"
        for i, one in enumerate(("memcpy", "memset", "find"), 1)
    )
    assert rows(text)[1:] == [(None, {"mem/memset/GB/sec": 2.182279}), (None, {"mem/find/GB/sec": 3.182279})]


def test_rows_whose_names_are_behind_are_told_apart_by_their_first_word() -> None:
    """`fsync  167.402 ops/sec  5974 usecs/op`, as pg_test_fsync prints, whose methods are in small letters."""
    text = "".join(
        f"        {one:24} {i}67.4 ops/sec   597{i} usecs/op\n" for i, one in enumerate(("fsync", "open"), 1)
    )
    assert rows(text * 2)[:2] == [
        (None, {"fsync/ops/sec": 167.4, "fsync usecs/op": 5971}),
        (None, {"open/ops/sec": 267.4, "open usecs/op": 5972}),
    ]


def test_the_interface_may_stand_behind_a_time_with_a_name() -> None:
    """`Time Int rKB/s` heads the rows of nicstat; that the time has a name changes nothing."""
    text = "    Time      Int   rKB/s   wKB/s %Util\n"
    text += "".join(
        f"10:15:0{i}       lo   5.4{i}    5.49  0.00\n10:15:0{i}     eth0   0.0{i}    0.00  0.00\n" for i in SIX
    )
    assert rows(text)[:2] == [
        (None, {"lo/rKB/s": 5.41, "lo/wKB/s": 5.49, "lo/%Util": 0}),
        (None, {"eth0/rKB/s": 0.01, "eth0/wKB/s": 0, "eth0/%Util": 0}),
    ]


def test_an_amount_with_its_rate_is_a_result() -> None:
    """`Data Check: 9538.00M at 271.34MB/s`, as stressapptest ends, though the name says nothing."""
    text = "Stats: Memory Copy: 7166.00M at 204.36MB/s\nStats: Disk: 12.00M at 0.52MB/s\n"
    assert (None, {"Disk": 12}) in [(step, {k: v for k, v in row.items() if k == "Disk"}) for step, row in rows(text)]


def test_names_ruled_off_above_columns_go_before_names_that_come_twice() -> None:
    """`---reads--- ---writes---` over `total merged total merged`, as vmstat -d heads its disks."""
    text = "disk- -----reads----- -----writes----\n       total merged    total merged\n"
    text += "".join(f"vda    {i}9100    480     162{i}     11\nsda    {i}8100    481     161{i}     12\n" for i in SIX)
    names = ("reads total", "reads merged", "writes total", "writes merged")
    assert rows(text)[-1] == (None, {f"sda/{name}": value for name, value in zip(names, (68100, 481, 1616, 12))})


def test_a_name_of_a_count_may_hold_a_number() -> None:
    """`Aligned 1 time: 5999 (99.98%)`, as HISAT2 reports: neither number is that of `time`."""
    text = "HISAT2 summary stats:\n\tTotal pairs: 6000\n"
    text += "\t\tAligned 0 time: 1 (0.02%)\n\t\tAligned 1 time: 5999 (99.98%)\n\t\tAligned >1 times: 0 (0.00%)\n"
    assert rows(text) == [
        (None, {"Aligned 0 time": 1}),
        (None, {"Aligned 1 time": 5999}),
        (None, {"Aligned >1 times": 0}),
    ]


def test_a_list_of_names_with_their_numbers_is_a_result() -> None:
    """The last line of MEGAHIT; for which k it worked, and what it chose, are none."""
    text = "k-max reset to: 119\nAssemble contigs from SdBG for k = 21\nLocal assembly for k = 21\n"
    text += "1 contigs, total 19991 bp, min 300 bp, max 900 bp, avg 512 bp, N50 640 bp\n"
    assert rows(text) == [(None, {"total": 19991, "min": 300, "max": 900, "avg": 512, "N50": 640})]


def test_values_with_their_names_between_bars_head_no_table() -> None:
    """`| sys 28% | user 12% |`, as atop prints, is a row of its own, though its first one could head the others."""
    text = lines("CPU | sys   2{i}% | user   1{i}% | irq   1% | idle  4{i}% | wait  1% |\n\n", *SIX)
    assert not any("%" in name for _, row in rows(text) for name in row)


def test_a_time_since_1970_behind_the_clock_of_a_log_is_no_number_of_the_line() -> None:
    """`I0000 00:00:1796036836.180886   31550 search.cc:310]`: Abseil, before TensorFlow or OR-Tools set it up."""
    text = lines(
        "I0000 00:00:1796036836.18088{i}   31550 search.cc:310] Solution #{i} (time = 1{i} ms, cost = 6{i}.5)\n", *SIX
    )
    assert rows(text)[-1] == (6, {"time": 16, "cost": 66.5})


def test_a_count_behind_the_name_of_a_result_is_its_step() -> None:
    """`Energy 3 = -74.96`, as Ergo prints each cycle."""
    assert rows(lines("INSC Energy   {i} =        -74.9605387340{i}\n", *SIX))[-1][0] == 6


def test_counters_behind_one_word_are_rows_without_what_identifies() -> None:
    """`STAT get_hits 300`, as memcached answers; the number of its process is no metric."""
    names = ("get_hits", "get_misses", "cmd_get", "cmd_set", "bytes_read", "bytes_written", "evictions", "curr_items")
    text = "STAT pid 3148\n" + "".join(f"STAT {name} {i}00\n" for i, name in enumerate(names, 1))
    assert rows(text) == [(None, {name: i * 100}) for i, name in enumerate(names, 1)]


def test_a_margin_is_a_number_of_its_column() -> None:
    """`±44.83%`, as vitest and others print how sure they are."""
    text = "     name             hz     mean      rme  samples\n   · normal   441,802.03  0.0023  ±44.83%    94696\n"
    text += "   · reverse  593,030.91  0.0017  ±38.85%   121474\n"
    assert rows(text)[0][1]["normal/rme"] == 44.83
