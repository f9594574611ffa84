"""Forms of results: below headings, as rates, within sentences, in summaries; and what only looks like them."""

from __future__ import annotations

import pytest

from tests.mining.test_other_forms import SIX, lines, rows


@pytest.mark.parametrize(
    "heading", ["=== Statistics ===", "Solution results\n================", "2. Printing statistics."]
)
def test_below_a_heading_that_says_results_all_are(heading: str) -> None:
    """Whatever their names; the report ends with the first other line."""
    text = f"Read 12 files.\n\n{heading}\n\nNumber of chains:   15\nDepth of tree :   7\nchi_out:  3.25\n"
    text += "\nUsed 3 threads\nseed: 7\n"
    assert [metrics for _, metrics in rows(text)] == [{"Number of chains": 15}, {"Depth of tree": 7}, {"chi_out": 3.25}]


def test_below_such_a_heading_the_first_number_of_a_line_is_the_result() -> None:
    """`rise = 2.1e-06 targ= 2.3e-06`."""
    text = "  Measurements for Transient Analysis\n\n"
    text += "rise    =  2.19e-06 targ=  2.30e-06\nvtop    =  9.9e-01 at=  1.5e-05\nvrms    =  6.3e-01 from=  0.0e+00\n"
    assert [metrics for _, metrics in rows(text)] == [{"rise": 2.19e-6}, {"vtop": 0.99}, {"vrms": 0.63}]


def test_a_result_named_behind_with() -> None:
    """`TPE using 3/3 trials with best loss 0.45` tells the best loss."""
    text = "".join(f"tpe INFO using {i}/{i} trials with best loss 0.{9 - i}65\n" for i in range(1, 6))
    assert rows(text) == [(i, {"best loss": float(f"0.{9 - i}65")}) for i in range(1, 6)]


def test_a_result_alone_between_commas_and_the_like() -> None:
    """Below the rows, whatever else the line tells; elsewhere such a line is prose."""
    report = "peak mem 0.12 GB; total 0m 0s; final eval loss 0.2406\n"
    found_in = "=> best fitness -0.0283 found in generation 14 after 360 evaluations\n"
    told = "".join(f"step {i} loss {1 / i:.4f}\n" for i in range(2, 9))
    assert rows(told + report)[-1][1] == {"final eval loss": 0.2406}
    assert rows(told + found_in)[-1][1] == {"best fitness": -0.0283}
    assert rows(told + "submission.csv written, 200000 rows, mean 0.0987\n") == rows(told)  # of data
    assert rows(report) == []


def test_a_rate_says_what_the_words_before_it_are_measured_in() -> None:
    """`Array#sort x 5,456,915 ops/sec`, `PBKDF2-sha1  2257429 iterations per second for 256-bit key`."""
    text = "RegExp#exec x 64,339,073 ops/sec ±2.94% (84 runs sampled)\n"
    text += "Array#sort x 5,456,915 ops/sec ±2.62% (88 runs sampled)\n"
    assert [metrics for _, metrics in rows(text)] == [
        {"RegExp#exec/ops/sec": 64339073},
        {"Array#sort/ops/sec": 5456915},
    ]
    text = "KDF-whirlpool   888623 iterations per second for 256-bit key\n"
    text += "KDF-ripe   983654 iterations per second for 256-bit key\n"
    assert [metrics for _, metrics in rows(text)] == [
        {"KDF-whirlpool/iterations per second": 888623},
        {"KDF-ripe/iterations per second": 983654},
    ]
    text = lines(" 212{i}.06 MB /   1.00 sec = 1780{i}.76 Mbps     {i} retrans\n", *SIX)
    assert rows(text)[-1][1] == {"Mbps": 17806.76, "retrans": 6}


def test_a_count_within_a_name_is_left_out() -> None:
    """`Maximum modularity in 10 random starts: 0.87`, `Inertia for init 1/2: 11.5`."""
    text = "Number of nodes: 2638\nMaximum modularity in 10 random starts: 0.8728\n"
    assert {"Maximum modularity": 0.8728} in [metrics for _, metrics in rows(text)]
    assert rows("Inertia for init 1/2: 11.5\nInertia for init 2/2: 12.5\n")[-1][1] == {"Inertia": 12.5}


def test_two_names_may_be_of_one_number() -> None:
    """`GooF = S = 1.2`."""
    text = lines(
        " wR2 =  {d} before cycle   {i} for   29 data\n GooF = S =    1.{i};    Restrained GooF =  2.{i}\n", *SIX
    )
    assert rows(text)[-1] == (6, {"GooF = S": 1.6, "Restrained GooF": 2.6})


def test_words_around_a_name_are_no_part_of_it() -> None:
    """`+ Final resolution is: 7.12`."""
    text = (
        lines(" refine: Iteration= {i}\n refine: Resolution= 1{d}\n", *SIX)
        + " refine: + Final resolution (unmasked) is: 7.12\n"
    )
    assert rows(text)[-1][1] == {"Final resolution (unmasked)": 7.12}


def test_a_pair_that_leads_a_sentence_is_a_row() -> None:
    """However long the sentence goes on."""
    text = "CurrentRes= 1{i}.6 Angstroms, which requires a sampling of at least 11.25 degrees for a particle"
    text = lines(text + " of diameter 200 Angstroms in each of the directions that were asked for\n", *SIX)
    assert rows(text)[-1][1] == {"CurrentRes": 16.6}


def test_all_pairs_of_a_result_are_taken_also_behind_brackets() -> None:
    """`Critical path delay (least slack): 4.8 ns, Fmax: 207.8 MHz`."""
    text = lines("it {i} cost {d}\n", *SIX) + "Best path delay (least slack): 4.81102 ns, Fmax: 207.856 MHz\n"
    assert rows(text)[-1][1] == {"Best path delay (least slack)": 4.81102, "Fmax": 207.856}


def test_a_tag_may_be_two_blanks_before_the_names() -> None:
    """`[Initial]  Iter: 1 HPWL: 2` and `[Nesterov] Iter: 1 HPWL: 3` are two curves."""
    text = lines("[Initial]  Iter: {i} residual: {d} HPWL: 20{i}\n", *SIX)
    text += lines("[Nesterov] Iter: {i} overflow: {d} HPWL: 30{i}\n", *SIX)
    found = [metrics for _, metrics in rows(text)]
    assert (found[5]["Initial/HPWL"], found[-1]["Nesterov/HPWL"]) == (206, 306)


def test_a_summary_of_two_columns() -> None:
    """Labels of several words to the left of two names that end where their numbers do."""
    text = "                      Initial    Final\n           R factor    0.2711   0.2402\n"
    text += "             R free    0.2988   0.2815\n     Rms BondLength    0.0102   0.0124\n"
    assert [metrics for _, metrics in rows(text)] == [
        {"R factor/Initial": 0.2711, "R factor/Final": 0.2402},
        {"R free/Initial": 0.2988, "R free/Final": 0.2815},
        {"Rms BondLength/Initial": 0.0102, "Rms BondLength/Final": 0.0124},
    ]


def test_a_term_may_be_two_words() -> None:
    """As `step` of R prints what a model would be without it."""
    text = "       Df Sum of Sq    RSS    AIC\n- hp    1     9.418 183.52 63.891\n"
    text += "- qsec  1     9.578 183.68 63.919\n- wt    1   113.882 287.99 78.310\n"
    assert rows(text)[0][1] == {"- hp/Df": 1, "- hp/Sum of Sq": 9.418, "- hp/RSS": 183.52, "- hp/AIC": 63.891}


def test_a_line_without_bars_is_no_row_between_bars() -> None:
    """`val_accuracy: 0.86` below a table whose cells are between bars."""
    text = "Value             |Best Value So Far |Setting\n96                |96                |units\n"
    text += "0.001             |0.001             |lr\n\nval_accuracy: 0.8611\n"
    trial = "Search: Running Trial #{i}\n\n" + text.replace("8611", "8{i}")
    assert {"val_accuracy": 0.86} in [metrics for _, metrics in rows(lines(trial, *SIX))]


@pytest.mark.parametrize(
    "form",
    [
        "Info    : [ {i}0%] Meshing curve {i} (Line)\n",
        "  wrote fields into time record = 000000{i}\n",
        "  {i}.10/{i}.10 min ..............................~~(,_,>\n",
        "f(x0 = c({d}, {i}), eval = function(x) list(objective = {i}00 *\n",
    ],
)
def test_what_is_no_result(form: str) -> None:
    """How far a program is behind a level, names made of digits, times that bars show, code."""
    assert rows(lines(form, *SIX)) == []


def test_a_term_without_all_its_values_is_one() -> None:
    """`<none>` in a table of `step`, which has no sum of squares of its own."""
    text = "       Df Sum of Sq    RSS    AIC\n- hp    1     9.418 183.52 63.891\n"
    text += "- qsec  1     9.578 183.68 63.919\n<none>              174.10 64.205\n- wt    1   113.882 287.99 78.310\n"
    assert rows(text)[2][1] == {"<none>/RSS": 174.1, "<none>/AIC": 64.205}


def test_a_report_of_wide_lines_may_have_headings() -> None:
    """Numbers that stand below one another, a third of them results; as lavaan and Z3 print them."""
    text = "lavaan ended normally after 28 iterations\n\nModel Test User Model:\n\n"
    text += "  Test statistic                                24.361\n"
    text += "  P-value (Chi-square)                           0.002\n"
    text += "\nUser Model versus Baseline Model:\n\n"
    text += "  Comparative Fit Index (CFI)                    0.975\n"
    text += "  Tucker-Lewis Index (TLI)                       0.953\n"
    text += "\nInformation Criteria:\n\n"
    text += "  Akaike (AIC)                                5066.503\n"
    text += "  Bayesian (BIC)                              5114.696\n"
    found = {name.rpartition("/")[2]: value for _, metrics in rows(text) for name, value in metrics.items()}
    assert found == {
        "Test statistic": 24.361, "P-value (Chi-square)": 0.002, "Comparative Fit Index (CFI)": 0.975,
        "Tucker-Lewis Index (TLI)": 0.953, "Akaike (AIC)": 5066.503, "Bayesian (BIC)": 5114.696,
    }  # fmt: skip
    text = "(:max-memory   18.92\n :conflicts    534\n :clause-2ary  137\n :clause-3ary  12\n :restarts     37\n"
    text += " :time         0.01\n :total-time   0.02)\n"
    assert [metrics for _, metrics in rows(text)][2:4] == [{"clause-2ary": 137}, {"clause-3ary": 12}]


def test_a_heading_may_stand_behind_what_writes_it() -> None:
    """`==12497== LEAK SUMMARY:`."""
    text = "==12497== LEAK SUMMARY:\n==12497==    definitely lost: 8 bytes in 2 blocks\n"
    text += (
        "==12497==      possibly lost: 0 bytes in 0 blocks\n==12497==    still reachable: 21,827 bytes in 31 blocks\n"
    )
    assert [metrics for _, metrics in rows(text)] == [
        {"definitely lost": 8}, {"possibly lost": 0}, {"still reachable": 21827},
    ]  # fmt: skip


def test_a_level_in_brackets_is_no_part_of_a_name() -> None:
    """As spdlog writes it."""
    text = lines("[2023-02-01 10:11:0{i}.150] [jointLog] [info] iteration = {i}00 | max rel diff. = {d}\n", *SIX)
    assert rows(text)[-1] == (600, {"max rel diff": 0.1429})


def test_a_full_stop_within_a_name_comes_before_a_small_letter() -> None:
    """`max. resid. norm for block=`."""
    text = lines("cycle {i}\n  max. resid. norm for block=  {e} for orbital 3a\n", *SIX)
    assert rows(text)[-1] == (6, {"max. resid. norm for block": 1e-06})


def test_a_name_in_a_header_may_end_with_a_number() -> None:
    """`Drag Monitor 1 (N)`."""
    text = " Iteration   Continuity   X-momentum    Tke         Tdr    Drag Monitor 1 (N)\n"
    text += lines("         {i}    0.{i}00000     0.{i}12312   0.{i}1      0.{i}2              102.{i}34\n", *SIX)
    assert rows(text)[-1][1]["Drag Monitor 1 (N)"] == 102.634


def test_columns_of_percentages_are_results() -> None:
    """The coverage of files, whatever the columns count."""
    text = "----------|---------|----------|---------|-------\nFile      | % Stmts | % Branch | % Funcs | State\n"
    text += "----------|---------|----------|---------|-------\nAll files |     100 |    66.66 |      50 |      \n"
    text += " cov.js   |      90 |    50.00 |      25 | old  \n"
    assert rows(text)[0][1] == {"All files/% Stmts": 100, "All files/% Branch": 66.66, "All files/% Funcs": 50}


def test_the_last_column_may_hold_text() -> None:
    """Of any number of words."""
    text = "Complexity  Loss       Score      Equation\n"
    text += lines("{i}           {e}  {d}  y = (x0 * {i}.5) + cos(x3 - 2)\n", 1, 3, 5, 8)
    assert rows(text)[-1] == (8, {"Loss": 1e-08, "Score": 0.1111})
    assert [step for step, _ in rows(text + text)] == [1, 3, 5, 8] * 2


def test_events_in_json_beside_the_metrics_give_no_rows() -> None:
    """Requests have ports and ids, a lease its number; and what kind of row one is stands in the message."""
    text = lines(
        '{{"level":30,"step":{i}0,"loss":0.{i}5,"msg":"train"}}\n'
        '{{"level":20,"req":{{"id":{i},"method":"GET","remotePort":5100{i}}},"responseTime":{i},"msg":"was asked"}}\n'
        '{{"level":30,"step":{i}0,"split":"val","loss":0.{i}7,"msg":"eval"}}\n'
        '{{"level":40,"attempt":2,"err":{{"errno":-10{i}}},"msg":"upload failed, trying again"}}\n',
        *SIX,
    )
    attempt = {"upload failed, trying again/attempt": 2}  # may be a row or not
    found = [(step, metrics) for step, metrics in rows(text) if metrics != attempt]
    assert found[::2] == [(10 * i, {"train/loss": float(f"0.{i}5")}) for i in SIX]
    assert found[1::2] == [(10 * i, {"eval/loss": float(f"0.{i}7")}) for i in SIX]


def test_objects_that_only_say_which_one_give_no_rows() -> None:
    """What grows by one from line to line, or stays the same, is a number of something and no metric."""
    text = lines('DEBUG\tlease renewed\t{{"lease": 7385912{i}, "ttl": 10}}\n', *SIX)
    assert rows(text) == []
    text = lines('INFO\ttrain step\t{{"step": {i}00, "loss": 1.{i}2}}\n', *SIX) + text
    assert rows(text)[-1] == (600, {"loss": 1.62})
    assert len(rows(text)) == 6


@pytest.mark.parametrize(
    "header",
    [
        "   ncalls  tottime  percall  cumtime  percall filename:lineno(function)\n",
        "% time     seconds  usecs/call     calls    syscall\n",
        "Line #      Hits         Time  Per Hit   % Time  Line Contents\n",
    ],
)
def test_what_a_profiler_prints_gives_no_rows(header: str) -> None:
    """How often a function was called is no step, and its time no metric of the program."""
    assert rows(header + lines("     {i}00    0.0{i}4    0.001    0.00{i}    0.001 main.py:{i}(run)\n", *SIX)) == []


def test_what_a_test_runner_says_of_a_test_gives_no_rows() -> None:
    """In the Test Anything Protocol, also indented."""
    one = "{i}ok {i} - adds\n  ---\n  duration_ms: 0.{i}8998\n  expected: 0.3\n  actual: 0.{i}01\n  ...\n"
    assert rows("TAP version 13\n" + lines(one.replace("{i}ok", "ok", 1), *SIX)) == []


def test_packets_give_no_rows() -> None:
    """`seq` counts bytes there, not rows."""
    one = "06:25:35.70715{i} IP 10.0.0.1.58438 > 10.0.0.2.80: Flags [P.], seq {i}83, ack {i}91, win 64, length {i}\n"
    assert rows(lines(one, *SIX)) == []


def test_percentiles_below_a_heading_are_of_what_it_names() -> None:
    """As the other statistics are; and `99th percentile` below a table is no row of it."""
    text = "       value  ----- count\n" + lines("       0.0{i}8 |       13{i}\n", *SIX)
    text += "\nLatency (ms):\n         min:    0.02\n         99th percentile:     5.77\n         sum:     23981.56\n"
    assert [metrics for _, metrics in rows(text)][-3:] == [
        {"Latency/min": 0.02},
        {"Latency/99th percentile": 5.77},
        {"Latency/sum": 23981.56},
    ]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("    http_reqs................: 8411   840.233116/s", {"http_reqs": 8411}),
        ("    iterations...............: 8411   840.233116/s", {"iterations": 8411}),
        ("Total operations: 2097152 (3291917.11 per second)", {"Total operations": 2097152}),
        ("encoded 300 frames, 51.23 fps, 1512.34 kb/s", {"fps": 51.23, "kb/s": 1512.34}),
    ],
)
def test_a_number_with_its_rate_behind_it_is_measured(line: str, found: dict[str, float]) -> None:
    """Whatever its name, and also where it is said once; so are frames a second."""
    assert found.items() <= {name: value for _, row in rows(f"{line}\n") for name, value in row.items()}.items()


def test_a_count_that_stays_zero_beside_others_is_there() -> None:
    """`0 uncollectable` is good news in each row."""
    assert rows(lines("gc: done, {i}22 unreachable, 0 uncollectable, 0.000{i}s elapsed\n", *SIX))[-1] == (
        None,
        {"unreachable": 622, "uncollectable": 0, "elapsed": 0.0006},
    )


def test_a_first_column_that_hardly_changes_counts_nothing() -> None:
    """How many keys a server has is no step, though there are never fewer."""
    text = "keys       mem      clients  requests\n0          912.84K  2        0\n"
    text += "".join(f"1000       {i}.06M    51       {i}2052\n" for i in range(1, 9))
    assert rows(text)[-1] == (None, {"keys": 1000, "mem": pytest.approx(8.06e6), "clients": 51, "requests": 82052})


@pytest.mark.parametrize(
    "line",
    ["   intx Name{i}{i}Max   = {i}0   {{product}}\n", "net.core.max{i}_{i} = {i}0\n", "INT{i}_{i}_MAX    {i}9\n"],
)
def test_long_lists_of_settings_give_no_rows(line: str) -> None:
    """A program's flags, the kernel's settings: each name once, in more lines than a report has, nothing measured."""
    listed = lines(line, *range(1, 40))
    assert rows(listed) == []
    assert rows("loss: 0.5\n" + listed) == [(None, {"loss": 0.5})]


def test_an_error_with_a_code_is_no_name() -> None:
    """`AssertionError [ERR_ASSERTION]: 0.3 == 0.5`."""
    assert (
        rows("  AssertionError [ERR_ASSERTION]: 0.30000000000000004 == 0.3\n      at Test.run (node:internal)\n") == []
    )


@pytest.mark.parametrize(
    "line",
    [
        "tests/test_a.py::test_sizes[lo-ones{i}] PASSED       [ {i}%]\n",
        "Finished in 0.00{i}s, {i}23.4 runs/s, {i}46.8 assertions/s.\n",
        "configure:{i}213: result: {i}\n",
        "Copyright: 200{i}-2022 A. Person\n",
        "Copyright (C) 200{i} A. Person\n",
    ],
)
def test_lines_of_tests_configure_and_licences_give_no_rows(line: str) -> None:
    """How far pytest is, how fast the assertions were, what configure found, and the years of a copyright."""
    assert rows(lines(line, *SIX)) == []
