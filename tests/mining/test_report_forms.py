"""Forms of reports, written from memory: results that a program says once, below or beside their names."""

from __future__ import annotations

import pytest

from tests.mining.test_other_forms import SIX, lines, rows

R = """Coefficients:
            Estimate Std. Error t value Pr(>|t|)    
(Intercept) 37.22727    1.59879  23.285  < 2e-16 ***
wt          -3.87783    0.63273  -6.129 1.12e-06 ***
hp          -0.03177    0.00903  -3.519  0.00145 ** 
"""  # noqa: W291
STATSMODELS = """                 coef    std err          t      P>|t|      [0.025      0.975]
------------------------------------------------------------------------------
const        -10.0466      9.740     -1.032      0.303     -29.215       9.121
x1            31.2874     10.104      3.097      0.002      11.403      51.172
"""
ANOVA = """            Df Sum Sq Mean Sq F value   Pr(>F)    
wt           1  847.7   847.7 126.041 4.49e-12 ***
hp           1   83.3    83.3  12.381  0.00145 ** 
Residuals   29  195.0     6.7                      
"""  # noqa: W291


@pytest.mark.parametrize(
    ("text", "label", "last"),
    [
        (R, "hp", {"Estimate": -0.03177, "Std. Error": 0.00903, "t value": -3.519, "Pr(>|t|)": 0.00145}),
        (
            STATSMODELS,
            "x1",
            {"coef": 31.2874, "std err": 10.104, "t": 3.097, "P>|t|": 0.002, "[0.025": 11.403, "0.975]": 51.172},
        ),
        (ANOVA, "hp", {"Df": 1, "Sum Sq": 83.3, "Mean Sq": 83.3, "F value": 12.381, "Pr(>F)": 0.00145}),
    ],
)
def test_coefficients_have_the_names_over_them(text: str, label: str, last: dict[str, float]) -> None:
    """Also where a name has two words, one blank is between two names, or a bar is in one."""
    assert rows(text)[-1] == (None, {f"{label}/{name}": value for name, value in last.items()})


def test_a_header_within_a_table_begins_another() -> None:
    """Its numbers do not get the names of the first."""
    text = (
        "               Core t (s)   Wall t (s)        (%)\n       Time:       12.251        3.063      400.0\n"
        "                 (ns/day)    (hour/ns)\nPerformance:       28.201        0.851\n"
    )
    assert rows(text)[-1] == (None, {"Performance/(ns/day)": 28.201, "Performance/(hour/ns)": 0.851})


def test_the_mark_of_a_comment_is_no_part_of_a_name() -> None:
    """`#cpu` is cpu; where more names have the mark, it means a number of something."""
    below = lines("  100  1{i}  200{i}\n", *SIX)
    assert rows(f"#cpu   sys  ctxsw\n{below}")[-1] == (None, {"cpu": 100, "sys": 16, "ctxsw": 2006})
    assert rows(f"#cpu   #sys  ctxsw\n{below}")[-1] == (None, {"#cpu": 100, "#sys": 16, "ctxsw": 2006})


def test_a_percentile_is_part_of_the_name() -> None:
    """The number that says which percentile it is has no name itself."""
    text = "50.00 percentile latency (ns)   : 38123456789\n99.00 percentile latency (ns)   : 77123456789\n"
    assert rows(text) == [
        (None, {"50.00 percentile latency (ns)": 38123456789}),
        (None, {"99.00 percentile latency (ns)": 77123456789}),
    ]
    assert rows("Latency (ms):\n    min:      0.53\n    95th percentile:      2.11\n")[-1] == (
        None,
        {"Latency/95th percentile": 2.11},
    )


def test_the_first_number_of_several_is_no_result() -> None:
    """A point in brackets with a blank behind the bracket, and six errors behind one colon."""
    text = lines("Least value: {d}\nCorresponding point: [ 9.999e-01  9.99{i}e-01].\n\n", *SIX)
    assert {name for _, metrics in rows(text) for name in metrics} == {"Least value"}
    assert rows("Objective value: 2.5\nError measures: 3.11e-10 0.00e+00 1.20e-08 4.44e-08\n") == [
        (None, {"Objective value": 2.5})
    ]


def test_counts_have_their_names_behind_them() -> None:
    """Under what they are about; a duration, a plan and a list of hundreds are no counts."""
    text = "Files:       40 new,     0 changed,     3 unmodified\nTasks: 120 total,   1 running, 119 sleeping\n"
    assert rows(text) == [
        (None, {"Files/new": 40, "Files/changed": 0, "Files/unmodified": 3}),
        (None, {"Tasks/total": 120, "Tasks/running": 1, "Tasks/sleeping": 119}),
    ]
    again = lines("> Line:  {i}5  Objects:       1{i} detected /    {i} extracted\n", *SIX)
    assert [metrics for _, metrics in rows(again)][-1] == {"Objects/detected": 16, "Objects/extracted": 6}
    assert rows("Elapsed: 2 hours, 3 minutes\nTime: 3 min, 20 sec\nPlan: 3 to add, 1 to change, 0 to destroy.\n") == []
    assert rows("Model: 12 layers, 8 heads, 3 tied\nResults: 4 passed, 1 failed, 5 total\n") == []
    words = [f"{one}{other}" for one in "abcdefghijklmno" for other in "abcdefghijklmno"]
    assert rows("".join(f"{word}: 4 new, 2 changed\n" for word in words)) == []


def test_a_result_may_be_glued_to_its_name() -> None:
    """`loss0.546`, but no version of a program."""
    text = "python3.11 of 2024\n" + lines("EPOCH[{i}/1000] loss{d}-|Sample:1.{i}|\n", *SIX)
    assert rows(text)[-1] == (6, {"loss": 0.1429, "Sample": 1.6})


def test_headings_that_come_in_turns_are_in_the_names() -> None:
    """Rows of one name below two headings are two curves."""
    text = lines(
        "step: {i} t: 0.{i}\nMAC projection\n    niter: 1{i}\n    residual: {d}\n"
        "Approximate projection:\n    niter: 2{i}\n    residual: {e}\n",
        *SIX,
    )
    assert [metrics for step, metrics in rows(text) if step == 6] == [
        {"t": 0.6},
        {"MAC projection/niter": 16},
        {"MAC projection/residual": 0.1429},
        {"Approximate projection/niter": 26},
        {"Approximate projection/residual": 1e-06},
    ]


def test_a_word_within_a_line_is_no_heading() -> None:
    """`Valid:` begins a section, `file 3 of Valid skipped` below `Train:` does not."""
    text = lines("Epoch {i}\nTrain:\nfile 3 of Valid skipped\n  loss: 0.{i}\nValid:\n  loss: 0.4{i}\n", *SIX)
    assert rows(text)[-2:] == [(6, {"Train/loss": 0.6}), (6, {"Valid/loss": 0.46})]


def test_headings_without_an_order_are_remarks() -> None:
    """What a program says now and then above a row is no part of its name."""
    said = ("Saving model", "No improvement", "No improvement", "Saving model", "No improvement", "Saving model")
    text = "".join(f"{one}\nepoch {i} loss 0.{i}\n" for i, one in enumerate(said))
    assert rows(text)[-1] == (5, {"loss": 0.5})


def test_a_number_of_something_does_not_count() -> None:
    """`#running: 1`, `#running: 2` is a metric, and `#finite = 30 of 120` no progress."""
    text = lines("[2024-03-01 10:00:1{i}] Decode batch. #running-req: {i}, #token: 33{i}, token usage: 0.{i}\n", *SIX)
    assert rows(text)[-1] == (None, {"#running-req": 6, "#token": 336, "token usage": 0.6})


def test_statistics_of_what_was_read_are_no_results() -> None:
    """The largest and smallest coefficient of a problem stand before the rows, once or twice."""
    read = "Absolute values of the objective: largest=0.97, smallest=0.03, avg=0.51\n"
    scaled = "Absolute values of the objective: largest=0.62, smallest=0.02, avg=0.32\n"
    text = read + scaled + "  iter#     gap    residual\n" + lines("  {i}     0.{i}    {e}\n", *SIX)
    assert [step for step, _ in rows(text)] == list(SIX)


def test_settings_stand_above_results() -> None:
    """What is right above a line of several results is not of its report."""
    text = "powersave = 0\ncooling_down = 1\n  small  min = 9.42  max = 11.30  avg = 10.36\n"
    text += "  large  min = 14.53  max = 17.44  avg = 15.99\n"
    assert rows(text) == [
        (None, {"small/min": 9.42, "small/max": 11.30, "small/avg": 10.36}),
        (None, {"large/min": 14.53, "large/max": 17.44, "large/avg": 15.99}),
    ]


def test_an_abbreviation_is_part_of_the_name() -> None:
    """`Func. Count`."""
    assert rows(lines("Iteration: {i}, Func. Count: 1{i}, Neg. LLF: {d}\n", *SIX))[-1] == (
        6,
        {"Func. Count": 16, "Neg. LLF": 0.1429},
    )


@pytest.mark.parametrize(("between", "mark"), [("\n", "[1] "), (" =\n\n", "   "), (":\n", "")])
def test_a_name_may_stand_above_its_number(between: str, mark: str) -> None:
    """As R and MATLAB print a value; the step is on a line above both."""
    text = lines(f"Iteration {{i}}\nParameters:\n{mark}1.5 {{d}}\nFunction Value{between}{mark}{{d}}\n\n", *SIX)
    assert rows(text)[-1] == (6, {"Function Value": 0.1429})


def test_a_setting_may_stand_above_its_number() -> None:
    """A number below a name is a metric only if it changes from time to time, or the name is that of a result."""
    assert rows("Batch size\n32\n\nConvergence tolerance\n0.001\n\nGrid spacing\n0.25\n\nDone.\n") == []
    assert rows("Batch size\n32\n\nTest accuracy\n0.93\n") == [(None, {"Test accuracy": 0.93})]


def test_a_count_before_a_name_and_a_colon_is_the_step() -> None:
    """`   2 Log-likelihood :  -728.3`: the number behind the colon is that of the name."""
    assert rows(lines("   {i} Log-likelihood :   -{d} \n", *SIX))[-1] == (6, {"Log-likelihood": -0.1429})


def test_a_date_is_no_metric() -> None:
    """As `date` and C's `ctime` write it."""
    text = lines("Tue Nov {i} 22:14:00 2023\tEpoch {i}:\tcontent: {d}\n", *SIX)
    assert rows(text)[-1] == (6, {"content": 0.1429})
    text = lines("Nov {i} 22:14:0{i} step {i} loss {d}\n", *SIX)
    assert rows(text)[-1] == (6, {"loss": 0.1429})


def test_a_rate_with_blanks_is_one_name() -> None:
    """`Tokens / Sec` in a cell of its own."""
    text = lines("Step: {i} | Loss: {d} | Tokens / Sec: 2{i}.5 | Learning Rate: 0.{i}\n", *SIX)
    assert rows(text)[-1] == (6, {"Loss": 0.1429, "Tokens / Sec": 26.5, "Learning Rate": 0.6})


def test_a_result_of_the_rows_is_told_again() -> None:
    """`Stress: 0.14` below rows that have it, whatever its name; a setting of that name has to wait for them."""
    text = lines("Run {i} stress {d}\n", *SIX)
    assert rows(text + "\nDimensions: 2\nStress:   0.1429\n")[len(SIX) :] == [(6, {"Stress": 0.1429})]
    assert len(rows("Stress: 0.5\n\n\n\n" + text)) == len(SIX)


def test_numbers_may_be_names_of_columns() -> None:
    """Classes from 1 on, behind names in words. What comes below and has no step is another table."""
    text = "ntree      OOB      1      2\n" + lines("   {i}0:   {d}%  0.0{i}%  4.00%\n", *SIX)
    text += "\nConfusion matrix:\n       a  b class.error\na      50  0  0.00\nb       3 47  0.06\n"
    assert rows(text)[len(SIX) - 1] == (60, {"OOB": 0.1429, "1": 0.06, "2": 4.0})
    assert not any("OOB" in metrics for _, metrics in rows(text)[len(SIX) :])


def test_the_parts_between_bars_have_names_above() -> None:
    """`Compressing | Decompressing` over columns whose names are there twice."""
    text = "       Compressing  |  Decompressing\nDict   Speed Rating | Speed Rating\n"
    text += "       KiB/s  MIPS  | KiB/s  MIPS\n\n"
    text += lines("{i}8:   30{i}0   27{i}8  |  132{i}   10{i}3\n", *SIX)
    assert rows(text)[-1][1] == {
        "Compressing Speed": 3060,
        "Compressing Rating": 2768,
        "Decompressing Speed": 1326,
        "Decompressing Rating": 1063,
    }


def test_tabs_in_a_row_only_reach_a_column() -> None:
    """Where all lines have as many cells as there are names."""
    text = "# Examples\tTrain Error\tValidation Error\n" + lines("  \t{i}\t\t0.{i}\t{d}\n", *SIX)
    assert rows(text)[-1] == (6, {"Train Error": 0.6, "Validation Error": 0.1429})


def test_what_a_line_is_about_may_be_its_first_name() -> None:
    """`frame P: 50, QP: 32` and `frame B: 149, QP: 35` are about two things."""
    kinds = (("I", 1), ("P", 50), ("B", 149))
    text = "".join(
        f"x [info]: frame {kind}:  {many}, Avg QP:3{many}.5  kb/s: 70.12   PSNR Mean: Y:39.{many}\n"
        for kind, many in kinds
    )
    assert [min(metrics) for _, metrics in rows(text)] == ["frame I/Avg QP", "frame P/Avg QP", "frame B/Avg QP"]


def test_an_object_may_take_several_lines() -> None:
    """Objects that come again are rows; a single one only if most of its names are those of results."""
    text = "".join(f'Epoch done\n{{\n  "epoch": {i},\n  "eval": {{\n    "f1": 0.{i}5\n  }}\n}}\n' for i in SIX)
    assert rows(text)[-1] == (6, {"eval/f1": 0.65})
    text = lines("Epoch {i}\n{{'auc': {d},\n 'loss': 0.{i}}}\n", *SIX)
    assert rows(text)[-1] == (6, {"auc": 0.1429, "loss": 0.6})
    assert rows('{\n  "accuracy": 0.93,\n  "f1": 0.91\n}\n') == [(None, {"accuracy": 0.93, "f1": 0.91})]
    assert rows('{\n  "hidden_size": 768,\n  "dropout": 0.1,\n  "layer_norm_eps": 1e-12,\n  "lr": 0.01\n}\n') == []


@pytest.mark.parametrize("before", ["", "2016-05-11T10:00:00.123: ", "2016-05-11 10:00:00,123 INFO "])
def test_a_heading_tells_lines_of_one_form_apart(before: str) -> None:
    """`Evaluation:` above one of the lines that otherwise are about training."""
    line = before + "step {i}, loss {d}, acc 0.{i}\n"
    found = rows(lines(line * 3 + "\nEvaluation:\n" + line, *SIX))
    assert found[-2:] == [(6, {"loss": 0.1429, "acc": 0.6}), (6, {"Evaluation/loss": 0.1429, "Evaluation/acc": 0.6})]


def test_each_heading_has_its_own_line() -> None:
    """As reports are indented: two lines of one name are about two things."""
    text = "tcp_bw:\n    bw  =  891 MB/sec\ntcp_lat:\n    latency  =  3.63 us\nudp_lat:\n    latency  =  3.73 us\n"
    assert [metrics for _, metrics in rows(text)] == [
        {"tcp_bw/bw": 891},
        {"tcp_lat/latency": 3.63},
        {"udp_lat/latency": 3.73},
    ]


def test_results_may_be_the_first_column() -> None:
    """Whatever the columns are called; short names are no marks if most are long."""
    text = "| Metrics  | Small | Large |\n+----------+-------+-------+\n"
    text += "| loss     | 2.826 | 1.033 |\n| x        | 1.574 | 2.326 |\n| accuracy | 0.996 | 0.161 |\n"
    assert [metrics for _, metrics in rows(text)][1:] == [
        {"x/Small": 1.574, "x/Large": 2.326},
        {"accuracy/Small": 0.996, "accuracy/Large": 0.161},
    ]
    text = "[INPUT] Symbol    X     Y     Z   unit\n[INPUT] 1 O    0.0   0.5   0.1 AA\n"
    assert rows(text + "[INPUT] 2 H    0.0   1.5   0.1 AA\n[INPUT] 3 H    0.0   0.5   1.1 AA\n") == []


def test_how_much_data_there_was_is_no_step() -> None:
    """`n = 200` beside results."""
    assert rows("GCV score = 5.1465  Scale est. error = 4.8145    n = 200\n")[0][0] is None


def test_a_line_with_a_date_heads_no_table() -> None:
    """`Started at (GMT) :  2023-05-01 10:00:00` above rows of numbers."""
    text = "max training timesteps :  100000\nStarted training at (GMT) :  2023-05-01 10:00:00\n"
    text += lines("Episode : {i}9 \t\t Timestep : {i}600 \t\t Average Reward : 2{i}.28\n", *SIX)
    assert rows(text)[-1] == (6600, {"Episode": 69, "Average Reward": 26.28})
    assert len(rows(text)) == len(SIX)


def test_a_mark_over_the_first_column_is_its_name() -> None:
    """`#` over the count, with a column of remarks at the other end."""
    text = "  #     beta     phi_d       f        LS    Comment   \n-----------------------------------------\n"
    text += lines("   {i}  8.16e+08  7.2{i}e+03  7.4{i}e+03      0              \n", *SIX)
    assert rows(text)[-1] == (6, {"beta": 8.16e8, "phi_d": 7260, "f": 7460, "LS": 0})


def test_a_ratio_of_norms_is_one_name() -> None:
    """`||r||/||b||` beside `||r||`."""
    text = lines("  CG iter {i}0   ||r|| = {e}   ||r||/||b|| = {d}   alpha = 0.{i}\n", *SIX)
    assert rows(text)[-1] == (60, {"||r||": 1e-06, "||r||/||b||": 0.1429, "alpha": 0.6})


@pytest.mark.parametrize("form", ["[{i} | 2{i}.37] loss={d} avg=2.{i}\n", "run [{i}]:\nloss : {d} avg: 2.{i}\n\n"])
def test_a_count_in_brackets_is_the_step(form: str) -> None:
    """With a time beside it, or alone on the line above."""
    assert rows(lines(form, *SIX))[-1] == (6, {"loss": 0.1429, "avg": 2.6})


def test_an_index_has_no_name_in_the_header() -> None:
    """As R and pandas print tables, also under names of two words."""
    text = "        CP nsplit rel error  xerror\n" + lines("{i} 0.17647{i}      {i}  {d}00 1.0{i}000\n", *SIX)
    assert rows(text)[-1][1] == {"CP": 0.176476, "nsplit": 6, "rel error": 0.1429, "xerror": 1.06}
    text = "   epoch  loss\n" + lines("{i}      {i}  0.{i}5\n", *SIX)
    assert rows(text)[-1] == (6, {"loss": 0.65})


def test_an_uncertainty_may_be_in_brackets() -> None:
    """A number that has one was measured, whatever its name."""
    text = "KNN: 0.7115 (+/- 0.0301)\nRandom Forest: 0.8327 (+/- 0.0250)\n"
    assert rows(text) == [(None, {"KNN": 0.7115}), (None, {"Random Forest": 0.8327})]


def test_how_many_of_all_are_right_is_a_result() -> None:
    """`Accuracy on training data: 40900 / 50000`, alone in its line, is no counter; `Processed: 3 / 10` is one."""
    text = lines("Epoch {i} complete\nAccuracy on test data: 9{i}00 / 10000\nProcessed: {i} / 6\n", *SIX)
    assert rows(text)[-1] == (6, {"Accuracy on test data": 9600})


def test_between_two_bars_there_may_be_columns() -> None:
    """As many as there are names between the bars of the header, whose first line names them together."""
    text = "     |      Out-of-bag   |\nTree |      MSE  %Var(y) |\n" + lines("  {i}0 |    {d}     1{i}.8 |\n", *SIX)
    assert rows(text)[-1] == (60, {"MSE": 0.1429, "%Var(y)": 16.8})


def test_a_result_of_the_whole_has_the_name_of_the_rows() -> None:
    """`Overall CAGR: 7.9%` below rows that have it."""
    text = lines(">>> 200{i} | Sharpe 0.{i}5 | CAGR {d}%\n", *SIX) + "\nOverall Sharpe: 0.83\nOverall CAGR: 7.9%\n"
    assert [metrics for _, metrics in rows(text)][-2:] == [{"Overall Sharpe": 0.83}, {"Overall CAGR": 7.9}]
