"""Forms in which trainers write their lines: bars without frames, counters that end a sentence, tables in turns."""

from __future__ import annotations

from typing import Any

import pytest

from wandb_logging._mining.ruleset import RuleSet, mine
from wandb_logging._suggesting.suggest import suggest


def rows(text: str) -> list[tuple[float | None, dict[str, Any]]]:
    found = mine(text, RuleSet([one.rule for one in suggest(text)]))
    return [(row.step, row.metrics) for row in found]


def test_a_bar_without_a_frame_is_no_cell() -> None:
    """Behind the values of a row as YOLO prints it now, and behind the header of the validation's row."""
    text = "".join(
        f"      Epoch    GPU_mem   box_loss   cls_loss  Instances       Size\n"
        f"        {i}/3      2.5G      1.{i}91      0.{i}62         7{i}        640: 100% ━━━━━━ 8/8 3.2it/s 2.5s\n"
        f"                 Class     Images  Instances      Box(P          R  mAP50-95): 100% ━━━━━━━━━━━━ 4/4 4it/s\n"
        f"                   all        128        929      0.6{i}3       0.52       0.41\n"
        for i in (1, 2, 3)
    )
    found = rows(text)
    assert [row["cls_loss"] for _, row in found if "cls_loss" in row] == [0.162, 0.262, 0.362]
    assert [value for _, row in found for name, value in row.items() if name.endswith("Box(P")] == [0.613, 0.623, 0.633]


def test_a_counter_can_end_a_sentence() -> None:
    """`Training step: 100/1000. Loss: 0.5` counts by its step."""
    text = "".join(f"Last test reward: {9 + i}.50. Training step: {i}00/1000. Loss: 0.{i}12\n" for i in range(1, 6))
    assert rows(text)[-1] == (500, {"Last test reward": 14.5, "Loss": 0.512})


def test_what_is_redrawn_below_a_word_of_settings_is_no_setting() -> None:
    """A bar with its loss in front, below `loading configuration`."""
    bars = "\r".join(
        f"loss: 0.{90 - i}: {i * 5:3}%|{'█' * (i // 2):10}| {i}/20 [00:0{i % 10}<00:11, 1.0it/s]" for i in range(21)
    )
    assert rows(f"loading configuration\n{bars}\n")[-1] == (20, {"loss": 0.7})


def test_two_tables_of_as_many_columns_are_two() -> None:
    """The words between bars below a rule are a header of their own."""
    table = "+------+------+------+\n| {} | {} | {} |\n+------+------+------+\n"
    text = "".join(
        f"Iter [{i}000/9000] loss: 1.{i}12\nper class results:\n"
        + table.format("Class", "IoU", "Acc")
        + f"| road | 81.{i} | 91.{i} |\n| wall | 42.{i} | 53.{i} |\n| sky | 71.{i} | 73.{i} |\n"
        + "+------+------+------+\nSummary:\n\n"
        + table.format("aAcc", "mIoU", "mAcc")
        + f"| 88.{i} | 61.{i} | 72.{i} |\n+------+------+------+\n"
        for i in (1, 2)
    )
    found = [row for _, row in rows(text)]
    assert {"aAcc": 88.2, "mIoU": 61.2, "mAcc": 72.2} in found
    assert {"road/IoU": 81.2, "road/Acc": 91.2} in found


def test_the_last_of_many_pairs_needs_no_colon() -> None:
    """`a: 1, b: 2, c: 3, d 4`, as one program forgets it."""
    text = "".join(f"rpn_cls: 0.{i}5, rpn_box: 0.3{i}, rcnn_cls: 1.{i}9, rcnn_box 0.0{i}\n" for i in range(1, 7))
    assert rows(text)[-1] == (None, {"rpn_cls": 0.65, "rpn_box": 0.36, "rcnn_cls": 1.69, "rcnn_box": 0.06})


def test_a_learning_rate_that_stays_is_a_metric() -> None:
    """In two lines that count, beside results."""
    text = "".join(f"[Epoch {i}] time cost 56.{i}s, valid loss 5.{i}, lr 30.00\n" for i in (0, 1))
    assert list(rows(text)[-1][1].values()) == [56.1, 5.1, 30.0]


def test_what_an_epoch_took_has_a_name() -> None:
    """`This epoch took 80.3 s`."""
    text = "".join(f"epoch:  {i}\ntrain loss : -0.1{i}\nThis epoch took 8{i}.3 s\n\n" for i in range(5))
    assert rows(text)[-1] == (4, {"This epoch took": 84.3})


def test_the_steps_within_a_name_are_no_part_of_it() -> None:
    """`KL divergence after 250 iterations with early exaggeration: 54.7` is a KL divergence."""
    text = "".join(f"Iteration {i * 50}: error = 5{i}.79, gradient norm = 0.0{i}64\n" for i in range(1, 6))
    text += "KL divergence after 250 iterations with early exaggeration: 54.7\n"
    assert rows(text)[-1] == (250, {"KL divergence": 54.7})


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"[CV 1/3; {i}/9] START svc__C={i}0, svc__gamma=0.1...\n" for i in range(1, 10)),
        "engine/trainer: amp=True, batch=16, box=7.5, conf=None, epochs=3, iou=0.7, lr0=0.01, momentum=0.937\n",
    ],
    ids=["tried", "switches"],
)
def test_settings_are_no_metrics(text: str) -> None:
    """What a search is about to try, and a line of settings some of which are True or None."""
    assert not any(row for _, row in rows(text))


def test_the_frame_of_a_box_is_no_part_of_a_name() -> None:
    """Ray's boxes have bars of their own kind."""
    text = "".join(f"│ time_total_s          {i}.5123 │\n│ mean_accuracy         0.8{i}12 │\n" for i in range(1, 6))
    assert {name for _, row in rows(text) for name in row} == {"time_total_s", "mean_accuracy"}


def test_a_learning_rate_and_a_number_of_epochs_alone_are_settings() -> None:
    """Said once, before anything is trained."""
    assert rows("Using 2 GPUs\nlearning rate = 0.1, batch size = 128, epochs = 200\n") == []


def test_how_long_a_part_took_is_no_metric() -> None:
    """As pycocotools says it in brackets."""
    text = "".join(
        f"Epoch(train)  [{i}][ 50/118]  lr: 1.{i}e-01  loss: 1.{i}23\nSaving checkpoint at {i} epochs\n"
        f"Loading results...\nDONE (t=0.1{9 - i}s)\nAccumulating results...\nDONE (t=4.{i * 7 % 10}1s).\n"
        for i in range(1, 7)
    )
    assert {name for _, row in rows(text) for name in row} == {"lr", "loss"}


def test_an_average_of_the_last_steps_has_its_name() -> None:
    """`Avg. loss per last 200 batches: 1.25` is a loss."""
    text = "".join(f"Step: {i}00/3680, loss=0.{i}5\nAvg. loss per last 200 batches: 1.{i}54\n" for i in range(1, 6))
    assert rows(text)[-1] == (500, {"Avg. loss": 1.554})


def test_the_number_of_trees_counts() -> None:
    """The scoring history of a booster, as h2o prints it."""
    text = "     timestamp            number_of_trees    training_rmse    training_auc\n"
    text += "---  -------------------  -----------------  ---------------  --------------\n"
    text += "".join(
        f"     2026-11-30 10:00:0{i}  {i * 10:<17.1f}  0.{48 - i}             0.{50 + i}\n" for i in range(6)
    )
    assert rows(text)[-1] == (50, {"training_rmse": 0.43, "training_auc": 0.55})


def test_a_report_may_say_deviations_in_brackets() -> None:
    """Names and numbers below one another, each with its deviation."""
    names = ["fit_time", "score_time", "test_r2", "train_r2", "test_mae", "train_mae"]
    text = "".join(f"{name:30} 0.{i}169 (+/- 0.0{i}41)\n" for i, name in enumerate(names, 1))
    assert {"test_r2": 0.3169} in [row for _, row in rows(text)]


def test_the_colons_that_align_a_table_are_no_names() -> None:
    """As Markdown has them below a header."""
    text = "|Task|Version|Metric|Value |\n|----|------:|------|-----:|\n" + "".join(
        f"|task {name}|      0|acc   |0.{i}913|\n" for i, name in enumerate("abc")
    )
    assert "task b/Value" in {name for _, row in rows(text) for name in row}


def test_the_word_before_brackets_tells_the_same_names_apart() -> None:
    """`valid (HR: 0.5), test (HR: 0.6)` are two curves."""
    text = "".join(
        f"epoch:{i}, time: 1{i}.5(s), valid (NDCG@10: 0.{i}1, HR@10: 0.{i}2), test (NDCG@10: 0.{i}3, HR@10: 0.{i}4)\n"
        for i in range(1, 7)
    )
    both = {"valid/NDCG@10": 0.61, "valid/HR@10": 0.62, "test/NDCG@10": 0.63, "test/HR@10": 0.64}
    assert rows(text)[-1] == (6, {"time": 16.5, **both})


def test_json_that_names_its_kind_is_two_curves() -> None:
    """`"_type": "val_epoch"`, as SlowFast and pycls write it."""
    text = "".join(
        f'json_stats: {{"_type": "train_iter", "loss": 4.{i}}}\njson_stats: {{"_type": "val_epoch", "loss": 5.{i}}}\n'
        for i in range(1, 7)
    )
    assert {name for _, row in rows(text) for name in row} == {"train_iter/loss", "val_epoch/loss"}


def test_lines_that_differ_in_the_end_of_a_name_keep_its_beginning() -> None:
    """`Training average loss at step 100: 0.5` beside `Valid MRR at step 100: 0.3`."""
    text = "".join(
        f"Training average {name} at step {i}00: 0.{i}{k}\n"
        for i in range(1, 5)
        for k, name in enumerate(["positive_loss", "negative_loss", "loss"], 1)
    )
    assert rows(text)[-1] == (400, {"Training average loss": 0.43})


def test_a_border_beside_a_level_is_no_header() -> None:
    """A table whose first border has the level before it and the source line behind it."""
    border = "+-------+-----------+-----------+"
    text = "".join(
        f"[10:00:0{i}] INFO  === Training Iteration {i}00 Result ===       hook.py:228\n"
        f"             INFO  {border}     hook.py:229\n"
        f"                   | Value | lr_avg    | loss_avg  |\n                   {border}\n"
        f"                   | avg   | 0.001{i}00  | 1.{i}00000  |\n                   {border}\n"
        for i in range(1, 5)
    )
    assert rows(text)[-1][1] == {"lr_avg": 0.0014, "loss_avg": 1.4}


def test_one_row_below_each_header_is_a_table() -> None:
    """Between bars, all of whose numbers have decimals, once an evaluation."""
    text = "".join(
        f"| Arch | AP | AP .5 | AR |\n|---|---|---|---|\n| pose_hrnet | 0.41{i} | 0.32{i} | 0.44{i} |\n\n"
        for i in (1, 2)
    )
    assert [list(row.values()) for _, row in rows(text)] == [[0.411, 0.321, 0.441], [0.412, 0.322, 0.442]]


def test_a_result_may_be_said_in_capitals() -> None:
    """`FINAL RHF ENERGY IS -74.96 AFTER 9 ITERATIONS`."""
    text = "".join(f" STEP {i} ENERGY CHANGE = -0.{i}00210\n" for i in range(1, 6))
    text += " FINAL RHF ENERGY IS      -74.9659012171 AFTER  9 ITERATIONS\n"
    assert "FINAL RHF ENERGY" in rows(text)[-1][1]


def test_an_abbreviation_with_a_point_is_part_of_a_name() -> None:
    """`Mel-Spec. Error : 0.4`."""
    text = "".join(f"Steps : {i}0, Gen Loss Total : 3{i}.1, Mel-Spec. Error : 0.{i}1\n" for i in range(1, 6))
    assert rows(text)[-1] == (50, {"Gen Loss Total": 35.1, "Mel-Spec. Error": 0.51})


def test_the_best_of_each_fold_does_not_stop_the_count() -> None:
    """LightGBM says the best iteration in the form of its rows, below the last."""
    fold = "".join(
        f"[{i}]\ttraining's auc: 0.9{k}1\tvalid_1's auc: 0.8{k}2\n" for k, i in enumerate((1000, 2000, 3000, 2500))
    )
    found = rows(f"fold 0\n{fold}fold 1\n{fold}fold 2\n{fold}")
    assert [step for step, _ in found][:5] == [1000, 2000, 3000, 2500, 1000]


@pytest.mark.parametrize(
    "text",
    [
        " #   Column       Non-Null Count  Dtype  \n---  ------       --------------  -----  \n"
        + "".join(
            f" {i}   {name:12} 89{i} non-null    int64  \n"
            for i, name in enumerate(["Survived", "Pclass", "Age", "Fare"])
        )
        + "dtypes: float64(2), int64(5), object(5)\nmemory usage: 83.7+ KB\n",
        "".join(f"{i}            {i + 1}         1       3   male  2{i}.0   7.{i}500\n" for i in range(4)).join(
            ["   PassengerId  Survived  Pclass     Sex   Age     Fare\n", ""]
        ),
        "".join(f"#{i} {i}.836 Fetched 93{i} kB in 1s (93{i} kB/s)\n" for i in range(3, 9)),
        "2026-11-30 10:00:06.1: I external/local_xla/xla/stream_executor/cuda/cuda_dnn.cc:454] Loaded cuDNN 90300\n",
        "INFO 11-30 10:00:04 [config.py:1861] Chunked prefill is enabled with max_num_batched_tokens=8192.\n",
    ],
    ids=["columns", "head", "packages", "source", "limit"],
)
def test_what_stands_before_training_is_no_metric(text: str) -> None:
    """What pandas, apt, TensorFlow and vLLM say of data, packages, places in their source, and limits."""
    assert rows(text) == []


def test_a_number_between_two_others_is_one_of_them() -> None:
    """The last of many names with a blank behind them, in two lines that count."""
    text = "".join(
        f"train | epoch 00{i} | loss 5.{i} | ppl 51.{i}5 | num_updates {i}50 | lr 0.0{i}1 | gnorm 2.{i}12\n"
        for i in (1, 2)
    )
    assert rows(text)[-1][1]["gnorm"] == 2.212


def test_a_text_between_bars_goes_before_the_names_of_its_row() -> None:
    """Also where the header leaves its column unnamed, and bars begin the lines."""
    text = "".join(
        f"╒══════════╤════════╤════════════╕\n│          │  train │ validation │\n╞══════════╪════════╪════════════╡\n"
        f"│ loss     │ 0.7{i}42 │     0.5{i}72 │\n│ accuracy │ 0.6{i}98 │     0.4{i}31 │\n"
        "╘══════════╧════════╧════════════╛\n"
        for i in (1, 2, 3)
    )
    assert rows(text)[-1][1] == {"accuracy/train": 0.6398, "accuracy/validation": 0.4331}


def test_a_name_of_several_words_ends_where_its_column_does() -> None:
    """Below an index, as pandas prints what PyCaret compares."""
    text = "                              Model  Accuracy     AUC  Recall      F1\n" + "".join(
        f"{index:6}{name:>29}    0.5{i}96  0.8{i}56  0.6{i}48  0.6{i}29\n"
        for i, (index, name) in enumerate(
            [("lr", "Logistic Regression"), ("lda", "Linear Discriminant Analysis"), ("rf", "Forest")]
        )
    )
    assert rows(text)[1][1]["Linear Discriminant Analysis/AUC"] == 0.8156


def test_the_loaders_of_a_test_are_columns() -> None:
    """Lightning's table of what was measured with two loaders."""
    text = "┏━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┓\n┃ Test metric  ┃ DataLoader 0 ┃ DataLoader 1 ┃\n"
    text += "┡━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━┩\n│   test_acc   │   0.34140    │   0.79487    │\n"
    text += "│   test_f1    │   0.23863    │   0.85585    │\n"
    text += "│  test_loss   │   0.40292    │   0.71139    │\n└──────────────┴──────────────┴──────────────┘\n"
    assert rows(text)[0][1] == {"test_acc/DataLoader 0": 0.3414, "test_acc/DataLoader 1": 0.79487}


def test_how_much_data_there_was_is_no_step() -> None:
    """A last column `n` beside results of the parts."""
    text = "┏━━━━━━━┳━━━━━━━━┳━━━━━━━┳━━━━━━┓\n┃ Split ┃ Loss   ┃ F1    ┃ n    ┃\n┡━━━━━━━╇━━━━━━━━╇━━━━━━━╇━━━━━━┩\n"
    text += "│ val   │ 0.2400 │ 0.920 │ 1000 │\n│ test  │ 0.2600 │ 0.910 │ 2000 │\n└───────┴────────┴───────┴──────┘\n"
    assert rows(text)[1] == (None, {"test/Loss": 0.26, "test/F1": 0.91, "test/n": 2000})


def test_a_star_marks_a_result() -> None:
    """`* MAE 0.873` below the lines of a test."""
    text = (
        "".join(f"Epoch: [0][{i}/6]\tLoss 0.{i}12 (0.512)\tMAE 0.{i}13 (0.513)\n" for i in range(6)) + " * MAE 0.873\n"
    )
    assert rows(text)[-1][1] == {"MAE": 0.873}


def test_what_a_device_can_do_is_no_metric() -> None:
    """As bitsandbytes says it."""
    assert rows("CUDA SETUP: Highest compute capability among GPUs detected: 8.0\n") == []


def test_an_arrow_without_a_shaft_ends_what_introduces_the_names() -> None:
    """`Log > train_acc: 0.9 - val_acc: 0.8`."""
    text = "".join(f"Log > train_acc: 0.9{i} - val_acc: 0.8{i}\n" for i in range(1, 7))
    assert rows(text)[0][1] == {"train_acc": 0.91, "val_acc": 0.81}


def test_the_rate_of_a_bar_is_no_metric() -> None:
    """Whatever it counts: what prepares data has such bars above the rows."""
    bars = "\r".join(f"Map: {i}0%|{'█' * i}| {i}00/900 [00:0{i}<00:0{9 - i}, 9{i}.2 examples/s]" for i in range(1, 9))
    text = bars + "\n" + "".join(f"step {i} | loss 0.5{i}\n" for i in range(1, 7))
    assert rows(text) == [(i, {"loss": float(f"0.5{i}")}) for i in range(1, 7)]


def test_the_type_of_a_number_names_no_number_before_it() -> None:
    """`print(i, loss, "acc", acc)` of tensors: the first number is the step."""
    text = "".join(f"{i * 20} tensor(1.3{i}, grad_fn=<NllLossBackward0>) acc tensor(0.2{i})\n" for i in range(1, 7))
    assert [(step, row["acc"]) for step, row in rows(text)] == [(i * 20, float(f"0.2{i}")) for i in range(1, 7)]


def test_a_process_in_brackets_before_the_level_is_no_metric() -> None:
    """Nor is the line of the code behind the level: `[24919] INFO own.train:18 - `."""
    text = "".join(
        f"2026-11-30 06:39:14,60{i} [24919] INFO own.train:18 - epoch {i}/5 : loss=0.4{i}58 acc=89.{i}% (0.4 ms)\n"
        for i in range(1, 6)
    )
    assert rows(text) == [(i, {"loss": float(f"0.4{i}58"), "acc": float(f"89.{i}")}) for i in range(1, 6)]


def test_a_counter_in_brackets_follows_the_name_of_a_logger() -> None:
    """As LightGBM counts, through a logger of one's own."""
    text = "".join(
        f"2026-11-30 06:24:3{i},988 | INFO  | lgbm | [{4 * i}]\ttrain's auc: 0.9{i} + 0.01\tval's auc: 0.8{i} + 0.02\n"
        for i in range(1, 7)
    )
    assert [step for step, _ in rows(text)] == [4, 8, 12, 16, 20, 24]


def test_coefficients_are_no_metrics() -> None:
    """The words of a topic with their weights, as gensim tells them."""
    text = "".join(
        f'topic #0 (0.250): 0.0{8 - i}2*"loss" + 0.036*"w3"\nEpoch {i}: Perplexity estimate: 8.3{i}8\n'
        for i in range(4)
    )
    assert rows(text) == [(i, {"Perplexity estimate": float(f"8.3{i}8")}) for i in range(4)]


def test_what_is_before_validation_is_of_training() -> None:
    """The word of the first name that is held-out goes before the names behind it alone."""
    text = "".join(
        f"[{i}/5] cls=0.4{i}7 side=0.{i}40 sum=1.{i}72 || val cls=0.4{i}6 side=0.3{i}6 xor=0.6{i}2\n"
        for i in range(1, 6)
    )
    assert rows(text)[0] == (
        1, {"cls": 0.417, "side": 0.14, "sum": 1.172, "val cls": 0.416, "val/side": 0.316, "val/xor": 0.612}
    )  # fmt: skip


def test_a_running_mean_in_brackets_is_a_metric() -> None:
    """`0.5 (ema 0.6)`."""
    text = "".join(f"{i * 10:6d} | 0.6{i} (ema 0.7{i}) | lr 1.5e-0{i}\n" for i in range(1, 6))
    assert [row["ema"] for _, row in rows(text)] == [0.71, 0.72, 0.73, 0.74, 0.75]


def test_three_dots_are_no_column() -> None:
    """Where pandas leaves out columns of a wide table."""
    text = (
        "     mean     sd  hdi_3%  ...  ess_bulk  r_hat\n"
        "mu  0.950  0.111   0.731  ...   184.357  1.000\n"
        "s   0.965  0.079   0.790  ...   192.574  1.016\n"
    )
    found = {name: value for _, row in rows(text) for name, value in row.items()}
    assert (found["mu/sd"], found["s/ess_bulk"], len(found)) == (0.111, 192.574, 10)


def test_lines_below_what_begins_an_evaluation_are_of_it() -> None:
    """`Eval begin...` above a line of the form of those of training, with other numbers behind its own."""
    text = "".join(
        f"step {2 * i}/4 - loss: 0.5{e}{i} - acc: 0.8{e}{i} - 3ms/step\n"
        + (f"Eval begin...\nstep 2/2 - loss: 0.6{e}1 - acc: 0.7{e}1 - {e}ms/step\n" if i == 2 else "")
        for e in (1, 2, 3)
        for i in (1, 2)
    )
    found = [row for _, row in rows(text)]
    assert [row["Eval/loss"] for row in found if "Eval/loss" in row] == [0.611, 0.621, 0.631]
    assert len([row for row in found if "loss" in row]) == 6


@pytest.mark.parametrize(("below", "found"), [("24.5", True), ("24.5 s", True), ("24.5 0.3 1.2", False)])
def test_a_number_below_its_name_is_alone(below: str, found: bool) -> None:
    """A rule of two lines whose second has no words takes no first of several numbers, as R prints them."""
    for mark in ("", "[1] "):
        taken = mine(f"Function value\n{mark}{below}\n", RuleSet([{"line": f"Function value\n{mark}{{value}}"}]))
        assert [row.metrics for row in taken] == ([{"value": 24.5}] if found else [])


def test_a_second_line_with_words_may_go_on() -> None:
    """As a rule of one line may."""
    taken = mine(
        "Eval ...\nstep 3 - loss: 0.5 - 3 ms/step\n", RuleSet([{"line": "Eval ...\nstep {step} - loss: {loss}"}])
    )
    assert [(row.step, row.metrics) for row in taken] == [(3, {"loss": 0.5})]


def test_a_thread_may_have_a_name_in_the_prefix_of_glog() -> None:
    """Where glog itself has its number."""
    text = "".join(f"I1130 07:04:17.08{i} MainThread own.py:5{i}] iter={i}0/60 loss=0.5{i}36\n" for i in range(1, 7))
    assert rows(text) == [(i * 10, {"loss": float(f"0.5{i}36")}) for i in range(1, 7)]
