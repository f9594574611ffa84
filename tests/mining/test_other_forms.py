"""Forms of logs that are not in the collection, written from memory: what is suggested without a rule."""

from __future__ import annotations

import gc
import time
from typing import Any

import pytest

from wandb_logging._mining.ruleset import RuleSet, mine
from wandb_logging._suggesting.suggest import suggest


def lines(template: str, *counts: int) -> str:
    """A line for each number, with {i} the number, {d} a number that falls, {e} one in E notation."""
    return "".join(template.format(i=i, d=f"{1 / (i + 1):.4f}", e=f"{1 / 10**i:.3E}") for i in counts)


def rows(text: str) -> list[tuple[float | None, dict[str, Any]]]:
    found = mine(text, RuleSet([one.rule for one in suggest(text)]))
    return [(row.step, row.metrics) for row in found]


SIX = tuple(range(1, 7))
METRICS = {
    "booster": (
        lines("[{i}]\ttrain-logloss:{d}\tval-auc:0.8{i}\n", *SIX),
        (6, {"train-logloss": 0.1429, "val-auc": 0.86}),
    ),
    "booster with a clock": (lines("[10:22:0{i}] [{i}]\ttrain-rmse:{d}\n", *SIX), (6, {"train-rmse": 0.1429})),
    "dicts": (
        lines("{{'loss': {d}, 'grad_norm': 1.{i}, 'step': {i}}}\n", *SIX),
        (6, {"loss": 0.1429, "grad_norm": 1.6}),
    ),
    "bars": (
        lines("Epoch {i:03} | train_loss {d} | val_acc 0.5{i} | lr 1.0e-03 | 12.{i}s\n", *SIX),
        (6, {"train_loss": 0.1429, "val_acc": 0.56, "lr": 0.001}),
    ),
    "dashes": (
        lines("Epoch {i}/8 - loss: {d} - val_loss: 0.4{i} - 3s\n", *SIX),
        (6, {"loss": 0.1429, "val_loss": 0.46}),
    ),
    "blanks": (lines("INFO:root:step {i} loss {d} acc 5{i}.5%\n", *SIX), (6, {"loss": 0.1429, "acc": 56.5})),
    "tensors": (lines("iteration {i}: loss = tensor({d}, device='cuda:0')\n", *SIX), (6, {"loss": 0.1429})),
    "two counters": (
        lines("Epoch [1/5], Step [{i}/600], Loss: {d}\n", *SIX),
        (6, {"epoch": 1, "Loss": 0.1429}),
    ),
    "glog": (
        lines("I1128 10:00:0{i}.123456 12345 solver.cpp:218] Iteration {i}, loss = {d}\n", *SIX),
        (6, {"loss": 0.1429}),
    ),
    "simulation": (
        lines("t=   0.{i} dt=1.0e-03 KE=1.{i} PE=3.{i}\n", *SIX),
        (0.6, {"dt": 0.001, "KE": 1.6, "PE": 3.6}),
    ),
    "fortran": (
        lines("  it = {i:5}   residual =  {e}   cfl =  0.{i}50\n", *SIX),
        (6, {"residual": 1e-06, "cfl": 0.65}),
    ),
    "inner product": (lines("   Iteration : {i:3}  (B r, r) = {e}\n", *SIX), (6, {"(B r, r)": 1e-06})),
    "scaled norm": (
        lines(" SPR #{i}   prior = {d}   |T| = 1.{i}   Scale1*|T| = 2.{i}\n", *SIX),
        (6, {"prior": 0.1429, "|T|": 1.6, "Scale1*|T|": 2.6}),
    ),
    "numbered names and tabs": (
        "1:ItNr\t2:Metric\t3a:Time\t4:||Gradient||\n" + lines("{i}\t{d}\t0.00{i}\t16{i}.5\n", *SIX),
        (6, {"2:Metric": 0.1429, "3a:Time": 0.006, "4:||Gradient||": 166.5}),
    ),
    "names of two words, one of them twice, and a column of two cells": (
        "Iter   PP Objective      DD Objective    PInfeas   DInfeas     Nu     StepLength   Pnrm\n"
        + lines(
            "{i}     9.3519045{i}e+02   -1.14178664e+02   1.4e-10   0.0e+00   4.2e+00  1.00  1.00  19.1{i}\n", *SIX
        ),
        (
            6,
            {
                "PP Objective": 935.190456,
                "DD Objective": -114.178664,
                "PInfeas": 1.4e-10,
                "DInfeas": 0.0,
                "Nu": 4.2,
                "StepLength": 1.0,
                "Pnrm": 19.16,
            },
        ),
    ),
    "a header of two lines whose names stand in turns": (
        "c  seconds     variables   original    learned     agility\n"
        "c         level        used      conflicts    limit          MB\nc\n"
        + lines("c +   0.{i}  14.5   150  90.{i}   639   10{i}   100  1100  10.{i}   0.1\n", *SIX),
        (
            None,
            {
                "seconds": 0.6,
                "level": 14.5,
                "variables": 150,
                "used": 90.6,
                "original": 639,
                "conflicts": 106,
                "learned": 100,
                "limit": 1100,
                "agility": 10.6,
                "MB": 0.1,
            },
        ),
    ),
    "an interval before the value, and counts in brackets": (
        lines("Optimality gap: [{i}50, 988] {d} % ({i} backtracks, 2{i} nodes)\n", *SIX),
        (None, {"Optimality gap": 0.1429, "backtracks": 6, "nodes": 26}),
    ),
    "error is a name": (lines("Loop number : {i}\n error             :   {e}\n", *SIX), (6, {"error": 1e-06})),
    "a table within comments whose header has two lines with bars": (
        "c | Conflicts | Original         | Learnt                           | Progress |\n"
        "c |           | Clauses Literals |     Max Clauses Literals     LPC |          |\n"
        + lines("c |    1268{i} |   11787    28324 |    392{i}    4344   122121    28.{i} |  1.44{i} % |\n", *SIX),
        (
            12686,
            {
                "Original/Clauses": 11787,
                "Original/Literals": 28324,
                "Learnt/Max": 3926,
                "Learnt/Clauses": 4344,
                "Learnt/Literals": 122121,
                "Learnt/LPC": 28.6,
                "Progress": 1.446,
            },
        ),
    ),
    "error is": (
        lines("Iteration {i}0: error is 65.{i} ({i} iterations in 0.01 seconds)\n", *SIX),
        (60, {"error": 65.6}),
    ),
    "numbers before their names, of which the last differs": (
        lines("gen={i}, {i}0 hyp, 4{i} new\n", 1, 2, 3) + lines("gen={i}, {i}0 hyp, 1{i} simpl\n", 4, 5, 6),
        (6, {"hyp": 60, "simpl": 16}),
    ),
    "csv": (
        '#"Step","Energy (kJ)","T"\n' + lines("{i}000,-14.{i},29{i}.5\n", *SIX),
        (6000, {"Energy (kJ)": -14.6, "T": 296.5}),
    ),
    "bordered table": (
        "+------------+--------+\n| Inner_Iter| rms[Rho]|  CL |\n+------------+--------+\n"
        + lines("| {i:9} | -2.{i} | 0.{i} |\n", *SIX),
        (6, {"rms[Rho]": -2.6, "CL": 0.6}),
    ),
    "evolution": (
        "gen\tnevals\tavg\tmin\n" + lines("{i}\t300\t5{i}.1\t4{i}\n", *SIX),
        (6, {"nevals": 300, "avg": 56.1, "min": 46}),
    ),
    "boxes": (
        lines("------------\n| Epoch | {i} |\n| Ret | 2{i} |\n| Std | 3.{i} |\n------------\n", *SIX),
        (6, {"Ret": 26, "Std": 3.6}),
    ),
    "progress": (
        lines("[ {i}s ] thds: 4 tps: 80{i}.90 err/s: 0.00\n", *SIX),
        (6, {"thds": 4, "tps": 806.9, "err/s": 0.0}),
    ),
    "indexed": (lines("INFO:root:Epoch[{i}] Validation-accuracy=0.8{i}\n", *SIX), (6, {"Validation-accuracy": 0.86})),
    "numbered": (
        lines("[00:0{i}:42] [worker #0] tree search #{i}, logLikelihood: -99{d}\n", *SIX),
        (6, {"logLikelihood": -990.1429}),
    ),
    "values and goals": (
        lines("Epoch {i}/1000, Performance 0.9{i}/0, Gradient 1.{i}/1e-07, Checks 0/6\n", *SIX),
        (6, {"Performance": 0.96, "Gradient": 1.6}),
    ),
    "semicolons": (
        "step;temperature;flow\n" + lines("{i}0;2{i}.5;{d}\n", *SIX),
        (60, {"temperature": 26.5, "flow": 0.1429}),
    ),
    "decimal commas": (
        lines("Epoch {i}/9 \u2013 Verlust: 0,{i}5 \u2013 Genauigkeit: 6{i},5 %\n", *SIX),
        (6, {"Verlust": 0.65, "Genauigkeit": 66.5}),
    ),
    "names over cells": (
        "Iterat #Fevals   function value  axis ratio  sigma\n"
        + lines("    {i}     9{i} 1.72750{i}e+01     1.{i}e+00 2.7{i}e-01\n", *SIX),
        (6, {"#Fevals": 96, "function value": 17.27506, "axis ratio": 1.6, "sigma": 0.276}),
    ),
    "a row behind its step": (
        "              Total Energy     Delta E\n" + lines("   @SCF iter {i}:  -40{i}.5   -1.{i}e-02 DIIS\n", *SIX),
        (6, {"Total Energy": -406.5, "Delta E": -0.016}),
    ),
    "what goes up by one": (
        lines("4 KiB from disk: request={i} delay={d} ms\n", *SIX),
        (6, {"delay": 0.1429}),
    ),
    "angle brackets": (lines("<{i}0> LL/token: -9.{i}\n", *SIX), (60, {"LL/token": -9.6})),
    "a step in a sentence": (
        lines("Validation accuracy at epoch {i}: {d}\n", *SIX),
        (6, {"Validation accuracy": 0.1429}),
    ),
    "after so many steps": (lines("After {i}00 iterations the loss is {d}\n", *SIX), (600, {"loss": 0.1429})),
    "the step behind the numbers": (
        lines("mean IoU: {d}, pixel acc: 0.9{i} (epoch {i})\n", *SIX),
        (6, {"mean IoU": 0.1429, "pixel acc": 0.96}),
    ),
    "names and then numbers": (
        lines("Change: NS (ITER={i}) (NRM,RELC): (  {d}   2.{i}E-01 ) :: heat\n", *SIX),
        (6, {"NRM": 0.1429, "RELC": 0.26}),
    ),
    "tuples": (
        lines("step:{i}00 statistics:[('average_q', -{d}), ('average_loss', 0.{i}5)]\n", *SIX),
        (600, {"average_q": -0.1429, "average_loss": 0.65}),
    ),
    "a bar before the number": (lines("Step {i}: eval  Accuracy |  {d}\n", *SIX), (6, {"eval Accuracy": 0.1429})),
    "percentiles": (
        lines("  {i}0, trx: 10{i}, 95%: 4{i}.5, 99%: {d}\n", *SIX),
        (60, {"trx": 106, "95%": 46.5, "99%": 0.1429}),
    ),
    "epoch and batch": (
        lines("TRAIN Batch 0/{i}00 loss {d} lr 0.0001{i}\n", *SIX),
        (600, {"loss": 0.1429, "lr": 0.00016}),
    ),
    "a number that only leads": (
        lines("   {i} train loss: {d} test acc: 9{i}.5%\n", *SIX),
        (6, {"train loss": 0.1429, "test acc": 96.5}),
    ),
    "devices": (
        lines("cuda:0: step {i}, loss {d}\n", *SIX),
        (6, {"loss": 0.1429}),
    ),
    "a header of three lines": (
        "c  seconds  reductions  redundant\n"
        "c         MB    restarts       trail\n"
        "c          level   conflicts       glue\nc\n" + lines("c -  0.0{i} 4 1{i} 1 {i} 30{i} 27{i} 4{i}% 7\n", *SIX),
        (
            None,
            {
                "seconds": 0.06,
                "MB": 4,
                "level": 16,
                "reductions": 1,
                "restarts": 6,
                "conflicts": 306,
                "redundant": 276,
                "trail": 46,
                "glue": 7,
            },
        ),
    ),
    "names under the name of their group": (
        "| Conflicts |      ORIGINAL     |  LEARNT |\n|           |    Vars  Clauses  | Clauses |\n"
        "=========================================\n" + lines("| {i:9} |     146     622{i} |     10{i} |\n", *SIX),
        (6, {"ORIGINAL/Vars": 146, "ORIGINAL/Clauses": 6226, "LEARNT Clauses": 106}),
    ),
    "tuples in a table": (
        "       n       t          dt       (    x,         y)  |    dt_hydro\n"
        + lines("       {i} {e} 1.{i}E-04  ( 3.{i}E-01, 4.1E-01) |  1.1E-04\n", *SIX),
        (6, {"t": 1e-06, "dt": 0.00016, "x": 0.36, "y": 0.41, "dt_hydro": 0.00011}),
    ),
    "a table behind a logger": (
        "10:00:00 INFO  Meter -    Locus   Minutes     Regions Processed   Regions/Minute\n"
        + lines("10:00:0{i} INFO  Meter -    {i}0       0.{i}                  11{i}           61{i}.5\n", *SIX),
        (60, {"Minutes": 0.6, "Regions Processed": 116, "Regions/Minute": 616.5}),
    ),
    "two numbers in a cell": (
        "NAME      CPU %     MEM USAGE / LIMIT     PIDS\n"
        + lines("web       4{i}.5%     14{i}.5MiB / 7.5GiB     1{i}\n", *SIX),
        (None, {"CPU %": 46.5, "MEM USAGE / LIMIT": 146.5, "PIDS": 16}),
    ),
    "names with one digit": (
        "".join(f"ITERATION {i}\n log_e likelihood: -1.{i}\n log_2 likelihood: -2.{i}\n" for i in SIX[:3]),
        (3, {"log_2 likelihood": -2.3}),
    ),
    "values and goals in units": (
        lines("  [{i:4}] obj={d} err= 1.{i}%/ 5.{i}% time=0.8{i}s/0.9s\n", *SIX),
        (6, {"obj": 0.1429, "err": 1.6, "time": 0.86}),
    ),
    "an error that is no code": (
        lines("iterations {i}00 error {d} rate 0.{i}\n", *SIX),
        (600, {"error": 0.1429, "rate": 0.6}),
    ),
    "iterations that took a time": (
        lines("Iteration {i}50, KL divergence {d}, 50 iterations in 0.{i} sec\n", *SIX),
        (650, {"KL divergence": 0.1429}),
    ),
    "a logger in brackets before the level": (
        lines("[2026-11-29 12:53:15,70{i}] [jmetal] [INFO] Evaluations: {i}0. fitness: [{d}]\n", *SIX),
        (60, {"fitness": 0.1429}),
    ),
    "a title over a header": (
        " Optimization with Solver\n -----------------------\n \n Iter    Objective  Convergence\n"
        + lines("    {i}  1.6{i}E+01  {d}\n", *SIX),
        (6, {"Objective": 16.6, "Convergence": 0.1429}),
    ),
    "two halves of one name": (
        lines("epoch {i} train/val loss: {d}/0.5{i}, acc: 0.1{i}/0.2{i}\n", *SIX),
        (6, {"train loss": 0.1429, "val loss": 0.56, "train acc": 0.16, "val acc": 0.26}),
    ),
    "dicts within a dict": (
        lines("Epoch {i} {{'train': {{'loss': {d}, 'acc': 0.1{i}}}, 'val': {{'loss': 0.5{i}}}}}\n", *SIX),
        (6, {"train/loss": 0.1429, "train/acc": 0.16, "val/loss": 0.56}),
    ),
    "an arrow behind the epoch": (
        lines("epoch {i} => train loss {d} | test acc 6{i}.25% <-- best\n", *SIX),
        (6, {"train loss": 0.1429, "test acc": 66.25}),
    ),
    "a number glued to what it counts": (lines("E00{i}  loss {d}\n", *SIX), (6, {"loss": 0.1429})),
    "what is counted behind its number": (lines("[{i}0 epochs]: TRAIN:[loss={d}]\n", *SIX), (60, {"loss": 0.1429})),
    "a bar without a total": (
        lines("{i}0it [00:0{i}, ncall:{i}3 dlogz:{d}>0.1]\n", *SIX),
        (60, {"ncall": 63, "dlogz": 0.1429}),
    ),
    "epoch and step without names": (lines("0 {i}0 loss - {d}\n", *SIX), (60, {"epoch": 0, "loss": 0.1429})),
    "an epoch in brackets and a step": (
        lines("[  0]     {i}0 || B: {d} | T: 1.{i} || ETA: 1:0{i}:12\n", *SIX),
        (60, {"epoch": 0, "B": 0.1429, "T": 1.6}),
    ),
    "results of one letter beside others": (
        lines("  dev:  P 0.8{i}  R 0.7{i}  F1 {d}\n", *SIX),
        (None, {"dev/P": 0.86, "dev/R": 0.76, "dev/F1": 0.1429}),
    ),
    "an average of so many in brackets": (
        lines("ep {i} | R {i}.5 (avg100 1{i}.25) | loss {d}\n", *SIX),
        (6, {"R": 6.5, "avg100": 16.25, "loss": 0.1429}),
    ),
    "the parts of a sum in brackets": (
        lines("epoch {i}  total: 1.{i} (cls {d}, box 0.2{i})  mAP@.5:.95 0.3{i}\n", *SIX),
        (6, {"total": 1.6, "cls": 0.1429, "box": 0.26, "mAP@.5-.95": 0.36}),
    ),
    "a norm": (
        lines("iteration {i}: log-likelihood = -3{i}.5, max|score| = {d}\n", *SIX),
        (6, {"log-likelihood": -36.5, "max|score|": 0.1429}),
    ),
    "a round before its counts": (
        lines("Round {i}: 1{i}0 labelled, 9{i}0 in the pool\n", *SIX),
        (6, {"labelled": 160, "in the pool": 960}),
    ),
    "a label before names that have their own": (
        lines("[val] ep={i} | train_loss: {d}, val_acc: 0.5{i}, f1: 0.6{i}\n", *SIX),
        (6, {"train_loss": 0.1429, "val_acc": 0.56, "val/f1": 0.66}),
    ),
    "bars of dashes between the rows of a table": (
        "epoch     train_loss  valid_loss  time\n"
        + lines("Epoch {i}/6 : |████-----| 57.14% [4/7 00:00<00:00]\n{i}         {d}    0.5{i}        00:0{i}\n", *SIX),
        (6, {"train_loss": 0.1429, "valid_loss": 0.56}),
    ),
    "a device before the epoch": (
        "".join(f"[GPU0] Epoch 1 | Iter {i} | {part} Loss 2.{i}\n" for i in SIX[:3] for part in ("Train", "Eval")),
        (3, {"epoch": 1, "Eval Loss": 2.3}),
    ),
    "shares of requests": (
        "\nSummary:\n  Average:\t0.0049 secs\n\nLatency distribution:\n"
        + lines("  {i}0% in 0.00{i}3 secs\n", *SIX[:5]),
        (None, {"Latency distribution/50%": 0.0053}),
    ),
    "units that change from line to line": (
        lines("  done: {i} kB,  bad: 0 B,  rate: 1{i} kB/s\n", *SIX[:3])
        + lines("  done: {i} B,  bad: 0 B,  rate: 1{i} B/s\n", *SIX[3:]),
        (None, {"done": 0.006, "bad": 0, "rate": 0.016}),
    ),
    "a unit between two numbers": (
        lines("Pass 1/2 frame {i:3}/60   17{i} us 11{i}.26 fps\n", *SIX),
        (6, {"fps": 116.26}),
    ),
    "a share of what a counter says": (
        lines("step: {i}, accepted: {i} / 10 = {i}.0e-01, ESS: 4.{i}e+01.\n", *SIX),
        (6, {"accepted": 0.6, "ESS": 46.0}),
    ),
    "a step and its parts": (
        lines("run({i}) Marking Phase {d}ms\n", *SIX),
        (6, {"Marking Phase": 0.1429}),
    ),
    "translation": (
        lines("[2024-03-01 12:0{i}:00] Ep. 1 : Up. {i}00 : Cost {d} : L.r. 3.0e-04\n", *SIX),
        (600, {"epoch": 1, "Cost": 0.1429, "L.r": 0.0003}),
    ),
}
NOTHING = {
    "access": lines(
        '10.0.0.{i} - - [28/Nov/2026:08:57:0{i} +0000] "GET /a/{i} HTTP/1.1" 200 12{i}4 "-" "M/5.0" 0.0{i}3\n', *SIX
    ),
    "tasks": lines(
        (
            "[2026-11-28 10:00:0{i},123: INFO/W-{i}] Task "
            "app.add[4f3b2a1c-0d9e-4c7b-8a65-11223344550{i}] succeeded in 0.{i}s: {i}\n"
        ),
        *SIX,
    ),
    "ssh": lines("Nov 28 10:00:0{i} host sshd[12{i}]: Accepted key for bob from 10.0.0.{i} port 5{i}122 ssh2\n", *SIX),
    "kernel": lines("[   {i}.123456] eth0: link up, 1000Mbps, full-duplex, lpa 0x45E{i}\n", *SIX),
    "build": lines("[ {i}%] Building CXX object a{i}.cc.o\n", *SIX),
    "compiler": lines("   Compiling serde v1.0.10{i}\n", *SIX),
    "configuration": (
        "model:\n  hidden_size: 768\n  dropout: 0.1\noptimizer:\n  learning_rate: 0.0003\n  betas: [0.9, 0.999]\n"
    ),
    "settings below a heading": (
        lines("epoch {i}\n", *SIX)
        + "====\nTest Parameters Used\n====\nmin_latency (ns) : 12\nmax_duration (ms) : 600\n\n<Initial Parameters>\n"
        + "| min_df: 0 (minimum frequency)\n| eta: 0.01 (prior)\n"
    ),
    "callers": (
        lines("2026-11-29 10:00:0{i} | INFO     | pack.core.trainer:13{i} - ---> begin\n", *SIX)
        + lines("2026-11-29 10:00:0{i} | INFO     | pack.core.trainer:15{i} - \n", *SIX)
    ),
    "requests in JSON": lines(
        '{{"level":"info","ts":170920000{i}.1,"request":{{"method":"GET","uri":"/a"}},"size":31{i},"status":200}}\n',
        *SIX,
    ),
    "a summary of steps": "10:00:09  Done. PASS=5 WARN=0 ERROR=0 SKIP=0 TOTAL=5\n",
    "licence": (
        "Version 3, 29 June 2007\n1. Definitions.\n2. Basic Permissions.\nSection 7: 30 days after notice, 60 days.\n"
    ),
    "traceback": (
        'Traceback (most recent call last):\n  File "a.py", line 3, in '
        "<module>\n    loss = 0.5 / 0\nZeroDivisionError: x\n"
    ),
    "subtitles": lines("[00:0{i}.000 --> 00:0{i}.500]  Some text number {i} here\n", *SIX),
    "timings": "Time spent computing histograms: 0.101s\nTime spent splitting: 0.030s\nTotal fit time: 1.2 seconds\n",
    "results of tasks": lines("Task app.cleanup succeeded in 1.{i}s: {{'deleted': {i}, 'kept': 9{i}}}\n", *SIX),
    "options as they are read": lines("INFO : reading 'chi_max'={i}0\n", 2)
    + lines('The default value "{i}" is used.\n', *SIX),
    "a row of numbers": lines("   {i}  Field TEMP    3   0.8{i}E-09   8.{i}E+00\n", *SIX),
    "a process of several": lines("[proc 0] waiting for {i}00 others\n", *SIX),
    "progress of a download": "".join(
        lines(f"Receiving objects: {{i:3}}% ({{i}}/100) {bar}\n", *SIX) for bar in ("", "done", "of all")
    ),
    "suites": "PASS src/a.test.js (5.021 s)\nTest Suites: 1 failed, 2 passed, 3 total\nTests: 1 failed, 18 total\n"
    "Snapshots: 0 total\nTime: 6.312 s\n",
    "steps of a build": lines("#{i} [{i}/7] RUN make\n#{i} DONE 1.{i}s\n", *SIX),
    "tests": (
        "platform linux -- Python 3.11.7\ncollected 120 items\ntests/test_a.py "
        "......   [  8%]\n118 passed, 2 skipped in 12.34s\n"
    ),
}


@pytest.mark.parametrize("name", METRICS)
def test_the_last_row(name: str) -> None:
    """With its step, and all its metrics under their names."""
    text, (step, metrics) = METRICS[name]
    found = rows(text)
    assert found[-1] == (step, metrics)
    assert len(found) == 6


@pytest.mark.parametrize("name", NOTHING)
def test_no_rows(name: str) -> None:
    """Numbers that are no metrics stay text."""
    assert rows(NOTHING[name]) == []


def test_a_frame_around_names_and_numbers() -> None:
    """As rich draws it around results: each line is one."""
    text = "".join(f"epoch {i} loss 0.{i}5\n" for i in SIX)
    text += "┏━━┓\n┃   Test metric   ┃   DataLoader 0   ┃\n│  test_acc  │  0.875  │\n│  test_loss  │  0.25  │\n"
    assert [metrics for _, metrics in rows(text)[6:]] == [{"test_acc": 0.875}, {"test_loss": 0.25}]


@pytest.mark.parametrize("counter", ["fold", "epoch", "round"])
def test_what_stands_before_the_counter_tells_curves_apart(counter: str) -> None:
    """Two models whose lines differ in nothing else are two curves."""
    text = "".join(f"{model} {counter} {i}: rmse={i / 7:.4f}\n" for model in ("ridge", "lasso") for i in SIX)
    found = rows(text)
    assert [step for step, _ in found] == [*SIX, *SIX]
    assert {name for _, metrics in found for name in metrics} == {"ridge/rmse", "lasso/rmse"}


def test_quantiles_in_a_header() -> None:
    """`5.0%` is the name of a column, and what begins a row says which of the values it is about."""
    text = "            mean    std   5.0%   95.0%   r_hat\n"
    text += "   alpha    0.50   0.11   0.31    0.72    1.00\nbeta[0]    1.50   0.21   1.31    1.72    1.01\n"
    text += "beta[1]    2.50   0.31   2.31    2.72    1.02\n"
    assert rows(text)[1] == (
        None,
        {"beta[0]/mean": 1.5, "beta[0]/std": 0.21, "beta[0]/5.0%": 1.31, "beta[0]/95.0%": 1.72, "beta[0]/r_hat": 1.01},
    )


def test_a_second_header_line_of_more_names_is_no_table_of_the_first() -> None:
    """Better no rows than the accuracy under the name of the loss."""
    text = " Epoch         Train           Valid\n            loss    acc     loss    acc\n"
    text += lines("{i:>6}   {d}  0.5{i}   {d}  0.4{i}\n", *SIX)
    assert not any({"Train", "Valid"} & set(metrics) for _, metrics in rows(text))


def test_of_two_counters_the_one_that_counts_is_the_step() -> None:
    """How many steps each epoch had is the same in each line."""
    text = lines("iteration= {i}\t chi2= {e}\t time= 0.00{i}\t edges= 300\t levenbergIter= 1\n", *SIX)
    assert [step for step, _ in rows(text)] == list(SIX)
    text = lines(
        "Epoch {i} | Training | Steps: 46 | Loss: {d}\nEpoch {i} | Validation | Steps: 12 | Loss: 0.9{i}\n", *SIX
    )
    assert [step for step, _ in rows(text)] == [i for i in SIX for _ in range(2)]


@pytest.mark.parametrize(
    "form", ["Epoch {} | {} | Steps: 7 | Loss: {}", "Epoch {}, {}, loss {}", "[epoch {}] [{}] loss={}"]
)
def test_what_stands_in_a_cell_of_its_own_is_what_the_line_is_about(form: str) -> None:
    """Two curves of one name do not become one."""
    text = "".join(f"{form.format(i, part, i / 7)}\n" for i in SIX for part in ("train", "val"))
    names = [set(metrics) for _, metrics in rows(text)]
    assert names[0] != names[1]
    assert min(names[1]).startswith("val")


def test_a_bar_that_goes_on_counts_more_finely_than_the_epochs() -> None:
    """One that begins anew in each epoch does not."""
    on = "".join(
        f"epoch {i}/80\nsteps:   {i}%|#   | {41 * i}/3280 [00:50<1:06:54,  1.24s/it, avr_loss=0.{i}]\n" for i in SIX
    )
    assert [step for step, metrics in rows(on) if "avr_loss" in metrics] == [41 * i for i in SIX]
    again = "".join(f"epoch {i}/80\n100%|####| 41/41 [00:50<00:00,  1.24s/it, avr_loss=0.{i}]\n" for i in SIX)
    assert [step for step, metrics in rows(again) if "avr_loss" in metrics] == list(SIX)


def test_a_logger_and_a_place_in_the_source_are_no_metrics() -> None:
    """`INFO:name:` as `basicConfig` writes it, `train_util.py:779` as rich does."""
    text = lines("INFO:model_a:[{i}00, 9.99e-05]\nINFO:model_a:loss_disc=3.{i}, loss_gen={d}\n", *SIX)
    text += lines("INFO     step {i}: loss {d}          train_util.py:77{i}\n", *SIX)
    names = {name for _, metrics in rows(text) for name in metrics}
    assert names == {"loss_disc", "loss_gen", "loss"}


@pytest.mark.parametrize(
    ("form", "last"),
    [
        ("Train loss {i} {d} Grad Norm 3.{i} 3.99s/it\n", {"Train loss": 0.1429, "Grad Norm": 3.6}),
        ("Validation loss {i}: {d}\n", {"Validation loss": 0.1429}),
        ("val acc {i}  {d}\n", {"val acc": 0.1429}),
    ],
)
def test_what_counts_between_a_name_and_its_number(form: str, last: dict[str, float]) -> None:
    """The whole number is the step, not the result."""
    assert rows(lines(form, *SIX))[-1] == (6, last)


@pytest.mark.parametrize(
    "form",
    [
        "epoch={i}, train_loss={d}, lr=1e-03\n",
        "epoch={i}, train_loss=np.float32({d}), lr=np.float64(0.001)\n",
        "epoch={i}, train_loss={d}, split=train, lr=0.001\n",
    ],
)
def test_commas_between_key_and_value_are_no_part_of_the_value(form: str) -> None:
    """The epoch is the step also where a comma is right behind it."""
    assert rows(lines(form, *SIX))[-1] == (6, {"train_loss": 0.1429, "lr": 0.001})


def test_a_list_of_names_and_numbers_is_no_report() -> None:
    """Lines below a result belong to its report, but not all of thousands: suggestions stay few and quick."""
    words = [f"{one}{other}" for one in "abcdefghijklmno" for other in "abcdefghijklmno"]
    text = lines("epoch {i} loss {d}\n", *SIX) + "accuracy: 0.5\n" + "".join(f"{word}: 1.5\n" for word in words)
    assert 1 < len(suggest(text)) < len(words) // 2


def test_counts_that_stand_below_one_another_are_a_report() -> None:
    """Below the rows of a program, whatever they count, with what stands behind them in brackets left out."""
    report = (
        "Number of created nodes :       743\nNumber of analyzed nodes:       625\nDepth of tree:                  12\n"
        "Size of the tree:               743\nNumber of cuts in pool:         0    (0.0 removed)\n"
        "Number of Diving Halts:         365\n"
    )
    found = rows(lines("iter {i} loss {d}\n", *SIX) + report)
    names = [name for _, metrics in found[6:] for name in metrics]
    assert names == [line.split(":")[0].strip() for line in report.splitlines()]


END = "Potential Energy = -1.5\nMaximum force = 3.5 on atom 262\nNorm of force = 8.4\n"


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("Node redundancy: 18.767 %", {"Node redundancy": 18.767}),
        ("The p-value is 0.0707", {"The p-value": 0.0707}),
        (" NFVALS = 1000   F = 1.175644E-01    MAXCV = 1.0E-02", {"NFVALS": 1000, "F": 0.1175644, "MAXCV": 0.01}),
        ("PSNR: B:39.73 G:43.13  Total:42.09", {"B": 39.73, "G": 43.13, "Total": 42.09}),
        ("Many: 4 c/s real, 2.5 c/s virtual", {"Many/c/s real": 4, "Many/c/s virtual": 2.5}),
        ("error rate: 0.5", {"error rate": 0.5}),
    ],
)
def test_below_the_rows_numbers_that_are_all_a_line_holds_are_results(line: str, row: dict[str, float]) -> None:
    """Whatever their names; above the rows they may be settings."""
    found = rows(lines("epoch {i} loss {d}\n", *SIX) + f"\n{line}\n")
    assert found[-1][1] == row
    above = rows("Node redundancy: 18.767 %\n" + lines("epoch {i} loss {d}\n", *SIX))
    assert len(above) == len(SIX)


def test_lines_that_begin_with_their_numbers_and_recur_are_a_report() -> None:
    """Each has its name behind its number, and the whole is printed again and again."""
    block = "Evaluation took:\n  0.{0}08 seconds of real time\n  1{0}.46% CPU\n  545,912,6{0}1 processor cycles\n\n"
    last = {
        name: value for _, metrics in rows(block.format(1) + block.format(2))[3:] for name, value in metrics.items()
    }
    assert last == {"seconds of real time": 0.208, "CPU": 12.46, "processor cycles": 545912621}


def test_a_heading_within_a_report_does_not_end_it() -> None:
    """With one blank between a name in one word and its number, too."""
    text = "---[ Session statistics ]---\nSourceFiles 784\nSourceFileSize 8942871 (8.53 MB)\n== Of these ==\nErrors 3\n"
    assert [metrics for _, metrics in rows(text)] == [{"SourceFiles": 784}, {"SourceFileSize": 8942871}, {"Errors": 3}]


def test_the_last_count_of_a_block_is_no_step() -> None:
    """A report that is printed again and again may end with how often something was called."""
    block = "Current value: 0.{0}\n  Iterations: {1}\n  Function evaluations: {2}\n\n"
    found = rows("".join(block.format(i, 10 - i, n) for i, n in zip(SIX, (178, 242, 90, 320, 40, 80))))
    assert {step for step, _ in found} == {None}
    assert found[-1][1] == {"Function evaluations": 80}


def test_a_limit_in_a_sentence_is_no_result() -> None:
    """It has a sign as pairs have it, but many words before it."""
    text = lines("Step= {i}, Epot= -{d}, Fmax= {e}\n", *SIX)
    found = rows(f"{text}the forces reached the requested precision Fmax < 10.\n{END}")
    assert [metrics for _, metrics in found[6:]] == [
        {"Potential Energy": -1.5},
        {"Maximum force": 3.5},
        {"Norm of force": 8.4},
    ]


def test_units_of_a_time_may_change_from_line_to_line() -> None:
    """Two lines in ms, two in s, one in us: each is a row."""
    times = ("178ms 10s", "1.11s 2s", "516ms 3s", "1.4s 848ms", "2.6s 0us")
    text = "".join(
        "{}:\tlearn: 0.6{}\ttest: 0.7{}\ttotal: {}\tleft: {}\n".format(i, i, i, *one.split())
        for i, one in enumerate(times)
    )
    assert [(step, metrics["learn"]) for step, metrics in rows(text)] == [(i, float(f"0.6{i}")) for i in range(5)]


def test_statistics_are_about_what_stands_above_them() -> None:
    """`Min` below `Latency:` is called so."""
    text = "Duration: 10.5 s\nLatency (ms):\n    Min:   5.01\n    Max:   32.12\nThroughput: 486.5 FPS\n"
    assert {name for _, metrics in rows(text) for name in metrics} >= {"Latency/Min", "Latency/Max", "Throughput"}


def test_a_first_row_without_a_step_has_the_names_of_the_others() -> None:
    """What a model is worth before it is trained."""
    text = "Init: HR = 0.10, NDCG = 0.05\n" + lines("Iteration {i} [22.{i} s]: HR = 0.4{i}, NDCG = 0.2{i}\n", *SIX)
    assert rows(text)[0] == (None, {"Init/HR": 0.10, "Init/NDCG": 0.05})


@pytest.mark.not_quick
@pytest.mark.parametrize("form", ["{} loss: 0.5\n", "{}: 0.5\n", "{}: 4 new, 2 changed\n", "{}\n  loss: 0.5\n"])
def test_many_names_take_a_time_in_proportion(form: str, request: pytest.FixtureRequest) -> None:
    """Five times as many lines that each have a name of its own take no twenty-five times as long."""
    words = [f"{one}{two}{three}" for one in "abcdefgh" for two in "ijklmnop" for three in "qrstuvwx"]

    def taken(names: list[str]) -> float:
        text = "".join(map(form.format, names))
        begin = time.process_time()
        suggest(text)
        return time.process_time() - begin

    gc.disable()  # it would look through all that the tests before have left
    request.addfinalizer(gc.enable)
    assert taken(words[60:360]) < 13 * taken(words[:60])


def test_each_result_of_many_has_a_rule() -> None:
    """As long as its name is that of a result."""
    names = [f"{one}{other}" for one in "abcdefgh" for other in "ijklmnop"]
    assert len(suggest("".join(f"{name} loss: 0.5\n" for name in names))) > 0.9 * len(names)


@pytest.mark.parametrize(
    "line", ["epoch {i} loss 0,6{i}31 acc 51,2{i} %", "29.11.2026 10:00:0{i} epoch {i}: loss 0,6{i} in 1.23{i},5 ms"]
)
def test_decimal_commas_are_seen_in_few_lines(line: str) -> None:
    """A loss of 0,6931 is never 0; dates with points, and points between thousands, are no decimal points."""
    text = "\n".join(line.format(i=i) for i in range(1, 4))
    found = list(mine(text, RuleSet([one.rule for one in suggest(text)])))
    assert [(row.step, round(row.metrics["loss"], 2)) for row in found] == [(1, 0.61), (2, 0.62), (3, 0.63)]


@pytest.mark.parametrize(
    "point", ["Programm Version 1.2", "Netz: 12.084 Zellen", "Laufzeit 3.5 s", "dt = 0.1", "v2.10"]
)
def test_a_decimal_point_elsewhere_in_a_log_with_decimal_commas(point: str) -> None:
    """Lines of one form have commas or points; what a version or a duration has does not decide for all of them."""
    text = "\n".join([point, *(f"Schritt {i}: Fehler={1 / i:.3f}, Dauer {i / 4:.2f} s" for i in range(1, 9))])
    german = text.replace(".", ",").replace(point.replace(".", ","), point)
    wanted = [(i, {"Fehler": float(f"{1 / i:.3f}"), "Dauer": i / 4}) for i in range(1, 9)]
    assert rows(text) == rows(german) == wanted


def test_very_many_columns() -> None:
    """As in the `progress.csv` of a trainer: its header is longer than any that blanks tell apart."""
    names = [f"info/learner/default_policy/loss_{i}" for i in range(100)]
    text = "\n".join([",".join(["iteration", *names]), *(f"{i}" + f",{i / 8}" * 100 for i in range(3))])
    assert rows(text) == [(i, dict.fromkeys(names, i / 8)) for i in range(3)]


def test_decimal_commas_in_a_table() -> None:
    """However many digits are behind them, and whatever stands above the header."""
    text = "Version 1.2\n Schritt   Fehler    Dauer\n"
    text += "".join(f"{i:8} {1 / i:8.4f} {i / 4:8.3f}\n" for i in range(1, 7)).replace(".", ",")
    assert rows(text)[:2] == [(1, {"Fehler": 1, "Dauer": 0.25}), (2, {"Fehler": 0.5, "Dauer": 0.5})]


def test_decimal_commas_beside_decimal_points() -> None:
    """Each form of lines has its own; and a list of two is no number."""
    text = "".join(f"loss 0,{i}5 %\nstep {i} time=0.{i}5 window 3,{i}\n" for i in range(1, 9))
    assert rows(text)[:2] == [(None, {"loss": 0.15}), (1, {"time": 0.15})]


@pytest.mark.parametrize("count", [1, 2])
def test_a_short_log_of_json_lines(count: int) -> None:
    """One or two objects of a JSON formatter are enough, if each holds a result; their members need not be the same."""
    more = '"epoch": {i}, "loss": 0.{i}}}\n', '"epoch": {i}, "loss": 0.{i}, "user": {{"id": 3}}}}\n'
    text = "".join(
        f'{{"asctime": "2026-11-30 06:50:1{i}", "levelname": "INFO", "message": "done", {form.format(i=i)}'
        for i, form in enumerate(more[:count], 1)
    )
    assert rows(text) == [(i, {"loss": i / 10}) for i in range(1, count + 1)]
    assert suggest(text)[0].comment == ("1 JSON object" if count == 1 else "2 JSON objects")


def test_a_word_behind_the_number_is_no_part_of_its_name() -> None:
    """Lines that differ in it have one rule, which takes all of them under one name."""
    said = ["before", "before", "after", "after", "after"]
    text = "".join(f"rms = 0.1{i}2 {word} cycle {i} of all\n" for i, word in enumerate(said))
    assert rows(text) == [(i, {"rms": float(f"0.1{i}2")}) for i in range(5)]
    assert len(suggest(text)) == 1


def test_counts_of_the_entries_of_a_list_are_no_rows() -> None:
    """`Installed-Size: 712` in each of several packages is none; beside a result that is measured it is one."""
    entries = [f"Package: {name}\nInstalled-Size: {size}\n" for name, size in (("a", 712), ("b", 81), ("c", 3004))]
    assert rows("\n".join(entries)) == []
    measured = rows("\n".join(f"{entry}Score: 0.{i}5\n" for i, entry in enumerate(entries)))
    assert (None, {"Installed-Size": 3004}) in measured
    assert (None, {"Score": 0.25}) in measured
