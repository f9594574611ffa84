"""`wandb-logging ui`: serves the page of runs until Ctrl-C, or writes it as one file."""

from __future__ import annotations

import argparse
import contextlib
import errno
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from wandb_logging._cli.output import DONE, LEFT, PROG, complain, say, say_all
from wandb_logging._errors import JournalError
from wandb_logging._wording import counted

if TYPE_CHECKING:
    from wandb_logging._page.place import Place

EXAMPLES = ("ui", "ui wandb_cache --port 8000", "ui --export runs.html")
MORE = (
    "It reads what is on disk: no account, no database, nothing from elsewhere. It is live while programs log.",
    "Only programs on this machine reach it, and only who has the address with its token.",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    parser.add_argument(
        "dir", nargs="?", type=Path, metavar="DIR", help="folder of the runs; default: the cache folder"
    )
    parser.add_argument(
        "--export", type=Path, metavar="FILE.html", help="write the page as one file that opens anywhere, and end"
    )
    parser.add_argument("--port", type=_port, metavar="N", help="default: the first from 8266 on that is free")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="listen to other machines, too: unencrypted; see the docs",
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="where readings are kept; default: ~/.cache/wandb-logging"
    )


def run(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C, or write it as one file."""
    folder = args.dir or _cache_folder()
    if not folder.is_dir() and args.dir is not None:
        raise JournalError(f"{folder}: no such folder")
    cache = args.cache or Path.home() / ".cache" / "wandb-logging"
    if args.export is not None:
        from wandb_logging._page.export import export  # noqa: PLC0415  only where it is asked for

        runs = export(folder.absolute(), cache, args.export)
        errors = [error for run in runs if (error := run.error or run.card.error)]
        for error in errors:
            complain(error)
        size = args.export.stat().st_size
        say(f"{args.export}: {counted(len(runs) - len(errors), 'run')}, {size / 1e6:.1f} MB")
        return LEFT if errors else DONE
    return _serve(folder.absolute(), cache, args)


def _cache_folder() -> Path:
    from wandb_logging._settings.settings import Settings  # noqa: PLC0415  a sixth of the start

    return Settings().cache_dir


def _serve(folder: Path, cache: Path, args: argparse.Namespace) -> int:
    from wandb_logging._page.place import Place  # noqa: PLC0415

    try:
        place = Place(args.host, args.port)
    except OSError as exc:
        raise JournalError(_words(exc, args)) from exc
    say_all(lines_of(place.address, folder, args.host), flush=True)
    try:
        _answer(folder, cache, place, browser=not args.no_browser and sys.stdout.isatty())
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            complain("stopped; the runs are where they were")
    return DONE


def _answer(folder: Path, cache: Path, place: Place, *, browser: bool) -> None:
    """Answer what comes to the page's place, until Ctrl-C."""
    from wandb_logging._page.server import Page  # noqa: PLC0415  the address can be used meanwhile

    page = Page(folder, cache, place)
    if browser:
        threading.Thread(target=_open, args=(place.address,), daemon=True).start()
    try:
        page.serve()
    finally:
        page.close()


def _open(address: str) -> None:
    import webbrowser  # noqa: PLC0415

    with contextlib.suppress(webbrowser.Error, OSError):
        webbrowser.open(address)


def lines_of(address: str, folder: Path, host: str) -> list[str]:
    """The lines to print when the page can be opened."""
    from wandb_logging._page.guard import is_loopback  # noqa: PLC0415

    port = address.rpartition(":")[2].partition("/")[0]
    lines = [f"runs in {folder}: {address}"]
    if is_loopback(host):
        lines.append(f"from another machine: ssh -L {port}:127.0.0.1:{port} {socket.gethostname()}, then that address")
    else:
        lines.append(f"{host} can be reached by others, unencrypted: whoever has the token sees all runs there")
    return [*lines, "Ctrl-C stops it"]


def _words(exc: OSError, args: argparse.Namespace) -> str:
    if exc.errno == errno.EADDRINUSE:
        asked = "is" if args.port is not None else "and those behind it are"
        return f"port {args.port or 8266} {asked} in use: `{PROG} ui --port 0` takes any"
    return f"{args.host}:{args.port or 8266}: {exc.strerror or exc}"


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)
