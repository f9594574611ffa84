"""`wandb-logging completion`: prints the script by which a shell completes command lines, and answers that script.

The scripts know nothing of the commands: they ask this program, which imports only the command that is typed.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence

from wandb_logging._cli.arguments import count
from wandb_logging._cli.commands import COMMANDS, fill
from wandb_logging._cli.found import runs_in
from wandb_logging._cli.output import DONE, PROG, USAGE, complain, say_all
from wandb_logging._settings.settings import Settings

_BASH = f"""_wandb_logging() {{
    local IFS=$'\\n'
    COMPREPLY=($({PROG} completion --at "$COMP_CWORD" -- "${{COMP_WORDS[@]}}" 2>/dev/null))
}}
complete -o default -F _wandb_logging {PROG}"""
_ZSH = f"""#compdef {PROG}
_wandb_logging() {{
    local -a found
    found=("${{(@f)$({PROG} completion --at $((CURRENT - 1)) -- "${{words[@]}}" 2>/dev/null)}}")
    if [[ -n "${{found[1]}}" ]]; then compadd -a found; else _files; fi
}}
compdef _wandb_logging {PROG}"""
_FISH = f"""function __wandb_logging_complete
    set -l typed (commandline -opc)
    set -l found ({PROG} completion --at (count $typed) -- $typed (commandline -ct) 2>/dev/null)
    if test -n "$found[1]"
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c {PROG} -f -a '(__wandb_logging_complete)'"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}

EXAMPLES = (
    "completion bash >> ~/.bashrc",
    "completion zsh >> ~/.zshrc",
    "completion fish > ~/.config/fish/completions/wandb-logging.fish",
)
MORE = ("In zsh it has to come behind `autoload -U compinit && compinit`.",)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    parser.add_argument("typed", nargs="+", metavar="SHELL", help=f"one of {', '.join(_SCRIPTS)}")
    parser.add_argument("--at", type=count, help=argparse.SUPPRESS)  # given by the scripts: the word to complete


def run(args: argparse.Namespace) -> int:
    """Print a script, or the candidates for the word that a script asks about."""
    if args.at is not None:
        say_all(candidates(args.typed[: args.at + 1] + [""] * (args.at + 1 - len(args.typed))))
        return DONE
    (shell, *others) = args.typed
    if shell not in _SCRIPTS or others:
        complain(f"completion for {' '.join(args.typed)}: expected one of {', '.join(_SCRIPTS)}")
        return USAGE
    say_all(_SCRIPTS[shell].splitlines())
    return DONE


def candidates(words: Sequence[str]) -> list[str]:
    """The candidates for the last word; none where any file may stand.

    Args:
        words: the words of the command line so far, beginning with the program's name.
    """
    current = words[-1]
    if len(words) <= 2:  # the command itself is being typed
        return _beginning(current, [*COMMANDS, "--help", "--version"])
    if words[1] not in COMMANDS:
        return []
    parser = argparse.ArgumentParser(PROG)
    fill(parser, words[1], PROG)
    actions = parser._actions  # noqa: SLF001  argparse has no other way to list them
    before = next((action for action in actions if words[-2] in action.option_strings), None)
    if before is not None and before.nargs != 0:
        return _beginning(current, _values(before))
    if current.startswith("-"):
        shown = (action for action in actions if action.help != argparse.SUPPRESS)
        return _beginning(current, [name for action in shown for name in action.option_strings if name[:2] == "--"])
    return _beginning(current, [value for action in actions if not action.option_strings for value in _values(action)])


def _values(action: argparse.Action) -> Iterable[str]:
    if action.choices is not None:
        return map(str, action.choices)
    if action.metavar == "RUN":
        return _run_names()
    return _SCRIPTS if action.metavar == "SHELL" else ()


def _run_names() -> list[str]:
    """The runs in the cache folder as one types them: by id, or by project and id if two runs have the same id."""
    paths = [run.path for run in runs_in([Settings().cache_dir])[0]]
    number = Counter(path.name for path in paths)
    return [path.name if number[path.name] == 1 else f"{path.parent.name}/{path.name}" for path in paths]


def _beginning(start: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(start)]
