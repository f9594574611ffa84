"""Forms of solvers and simulations that were run for this: what stands around their rows, and how they name numbers."""

from __future__ import annotations

import pytest

from tests.mining.test_other_forms import SIX, lines, rows


def test_a_sentence_above_a_header_is_no_part_of_it() -> None:
    """Though it has as many words as there are columns, or the columns have words in common."""
    four = "Using dual simplex solver\n  Iteration        Objective     Infeasibilities num(sum)\n" + lines(
        "         {i}0     3.{i}000e+02 Pr: {i}(0) 0.0s\n", *SIX
    )
    assert rows(four)[-1] == (60, {"Objective": 360.0, "num(sum)": 0.0})
    again = "Interior point solve\n Iter       primal obj         dual obj     gap\n" + lines(
        "   {i}    4.6936292{i}e+02  -3.4865017{i}e+03   2.8{i}e-01\n", *SIX
    )
    assert rows(again)[-1] == (6, {"primal obj": 469.362926, "dual obj": -3486.50176, "gap": 0.286})


@pytest.mark.parametrize(
    ("header", "row", "below"),
    [
        (
            "  iter    energy   gnorm   gmax\n",
            "   {i}    {e}   -3.{i}1   0.{i}\n",
            "Solution count 5: 610 575 526 335\n",
        ),
        (
            "              iter       energy          gnorm     gmax       time\n",
            "                 {i}      -75.947278512{i}  8.0{i}D-01  3.5{i}D-01      0.{i}\n",
            " iterdrv         7     0.06     0.06     0.06     0.06    0.00\n",
        ),
    ],
)
def test_a_row_of_numbers_with_words_before_it_is_none_of_the_table(header: str, row: str, below: str) -> None:
    """A list of solutions, a table of how long each part took: whatever the columns fit."""
    text = header + lines(row, *SIX)
    assert rows(text + "\n" + below) == rows(text)
    assert len(rows(text)) == 6


def test_how_often_and_how_long_the_parts_of_a_program_ran_is_no_metric() -> None:
    """Whatever the columns are called: `routine calls cpu-min cpu-max`, `function ncalls self total`."""
    for header in ("routine      calls  cpu-min  cpu-max", "function    ncalls     self    total"):
        text = f" {header}\n" + lines(" part_{i}          {i}     0.{i}6     0.{i}7\n", *SIX)
        assert rows(text) == []


def test_a_list_of_the_parts_of_a_program_and_their_times_is_no_metric() -> None:
    """Though some are named like results, and stand alone in their lines below the rows."""
    table = "iter    objective    inf_pr\n" + lines("   {i}   3.{i}5e+00  1.{i}0e-01\n", *SIX)
    times = "operation                               time (s)   share\n" + "-" * 56 + "\n"
    times += (
        "solver                                  0.000660   76.0%\n  compute dual infeasibility x          0.000022\n"
    )
    assert rows(f"{table}{times}{'-' * 56}\ntotal                                   0.000868\n") == rows(table)


def test_two_rows_say_where_a_result_began_and_ended() -> None:
    """What is in the other columns may be text, of several parts: `Ph1: 90(1e+06); Du: 31(116)`."""
    found = rows(
        "  Iteration        Objective     Infeasibilities num(sum)\n"
        "          0    -1.1600000000e+05 Ph1: 90(1.2689e+06); Du: 31(116) 0.0s\n"
        "         71     1.2949179677e+01 Pr: 0(0) 0.0s\nModel status        : Optimal\n"
    )
    assert [(step, row["Objective"]) for step, row in found] == [(0, -116000.0), (71, 12.949179677)]


def test_the_index_of_the_first_word_counts() -> None:
    """Whatever the word is: `Inference[0]: Time 1.5`; also if its number is the same each time."""
    text = lines("Inference[{i}]: Time 1.{i}5 GAMMA-based likelihood -14{i}3.2\n", 0, 1, 2)
    last = lines("Inference[{i}] final GAMMA-based Likelihood: -1442.8 tree written to file x.{i}\n", 0, 1, 2)
    assert [step for step, _ in rows(text + last)] == [0, 1, 2, 0, 1, 2]


def test_a_letter_may_stand_where_the_step_is_in_other_rows() -> None:
    """A solution that a heuristic found between two steps is a row as well."""
    head = " Its Type    BestSoln    BestBound   Sols     Gap     GInf   Time\n"
    marked = "a          533.000000   576.564485      3   7.56%       0      0\n"
    counted = lines("   {i}  K    554.000000   57{i}.106097      6   3.5{i}%       6      0\n", *SIX)
    found = rows(head + marked + counted + marked.replace("533", "560") + counted.replace("  K", "0 K"))
    assert [step for step, _ in found] == [None, *SIX, 6, *(10 * i for i in SIX)]
    assert found[7][1]["BestSoln"] == 560


def test_a_mark_may_stand_before_the_number_that_counts() -> None:
    """`*    27: obj = 7.9`, `+  1157: mip = 8.3`; two such rows are enough, for their sign names the result."""
    simplex = "      0: obj =   0.0e+00 inf =   1.798e+02 (12)\n     14: obj =   2.98e+03 inf =   0.000e+00 (0)\n"
    search = lines("+  {i}157: mip =   8.3{i}e+02 >=   7.9{i}e+02   3.{i}% (41; {i})\n", *SIX)
    found = rows(f"{simplex}OPTIMAL LP SOLUTION FOUND\n{search}Solution found by heuristic: 811\n")
    assert [step for step, _ in found] == [0, 14, *(1000 * i + 157 for i in SIX), 6157]
    assert found[1][1] == {"obj": 2980, "inf": 0}
    assert found[-2:] == [(6157, {"mip": 836}), (6157, {"Solution found by heuristic": 811})]


def test_a_limit_is_part_of_a_name() -> None:
    """`energy(sigma->0)`: what the energy goes to."""
    text = lines("step {i}\n  energy without entropy =  -1{i}.25  energy(sigma->0) =  -1{i}.5\n", *SIX)
    assert rows(text)[-1] == (6, {"energy without entropy": -16.25, "energy(sigma->0)": -16.5})


def test_how_many_iterations_the_whole_took_is_no_step() -> None:
    """The rows of the next table are not counted from it."""
    table = "    Node    Left     Obj      Gap\n" + "".join(f"       0       0  998.{i}4   8{i}.0%\n" for i in SIX)
    said = "Explored {i}{i} nodes ({i}18 simplex iterations) in 0.0{i} seconds\n\n"
    found = rows("".join(table + said.format(i=i) for i in SIX))
    assert {step for step, row in found if "Gap" in row} == {None}


def test_a_norm_may_be_squared() -> None:
    """`|ddv_scf|^2 = 1e-07` is a number's name as much as `|ddv_scf|` is."""
    text = lines(" iter # {i} total time : 0.{i}\n  thresh= 1.{i}E-02 |ddv_scf|^2 =  2.{i}E-07\n", *SIX)
    assert rows(text)[-1] == (6, {"thresh": pytest.approx(0.016), "|ddv_scf|^2": pytest.approx(2.6e-7)})


def test_a_log_likelihood_may_be_numbered() -> None:
    """`lnL0 = -1128.2` is said once, and the result of what came before."""
    assert rows("lnL0 = -1128.200774\n") == [(None, {"lnL0": -1128.200774})]


def test_numbers_of_an_array_may_be_padded() -> None:
    """As numpy fills up the last one: `[-0.94  0.80  0.5 ]`."""
    text = lines("it {i}  x = [-0.{i}1  0.8{i}]  f = 3.{i}\n", 1, 2) + lines(
        "it {i}  x = [-0.{i}   0.8 ]  f = 3.{i}\n", 3, 4
    )
    assert [row["f"] for _, row in rows(text)] == [3.1, 3.2, 3.3, 3.4]


def test_what_was_done_with_a_field_stays_in_its_name() -> None:
    """The average of a field and its maximum are two curves."""
    text = lines("time {i}\n  average of rho = 0.{i}\n  average of T = 31{i}.5\n  average of p = {i}.5\n", *SIX)
    assert rows(text)[-3:] == [
        (6, {"average of rho": 0.6}),
        (6, {"average of T": 316.5}),
        (6, {"average of p": 6.5}),
    ]


def test_a_letter_before_a_sign_is_a_name_and_no_unit() -> None:
    """`at step 100 T = 171.9`: the temperature, not 100 tesla."""
    assert rows(lines("t={i}.25 at step {i}00 T = 17{i}.96\n", *SIX))[-1] == (600, {"t": 6.25, "T": 176.96})


def test_rows_of_a_table_may_be_lists() -> None:
    """As YAML has them, below the list of their names."""
    text = (
        "keywords: ['Step', 'Temp', 'PotEng', ]\ndata:\n" + lines("  - [{i}0, 10{i}.5, -296.{i}, ]\n", *SIX) + "...\n"
    )
    assert rows(text)[-1] == (60, {"Temp": 106.5, "PotEng": -296.6})
