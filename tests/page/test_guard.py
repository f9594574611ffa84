"""Who gets what: each decision of the page's security."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from wandb_logging._page import guard
from wandb_logging._page.guard import Credentials, hosts_of, inside, refusal

HOSTS = hosts_of("127.0.0.1", 8266)
SECRETS = Credentials("the-token", "the-cookie", "wandb_logging_8266")


def asked(
    host: str | None = "127.0.0.1:8266", origin: str | None = None, site: str | None = None, method: str = "GET"
) -> int:
    refused = refusal(method, {"Host": host, "Origin": origin, "Sec-Fetch-Site": site}, HOSTS)
    return refused[0] if refused else 200


class TestHost:
    @pytest.mark.parametrize("host", ["127.0.0.1:8266", "localhost:8266", "LOCALHOST:8266"])
    def test_this_server_by_its_names(self, host: str) -> None:
        """It answers to its address and to localhost, with its port."""
        assert asked(host) == 200

    @pytest.mark.parametrize(
        "host",
        [None, "", "evil.example", "evil.example:8266", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:82660", "localhost",
         "127.0.0.1:8266.evil.example", "localhost.evil.example:8266", "0.0.0.0:8266", "127.0.0.2:8266", "[::1]:8266",
         "user@127.0.0.1:8266", "127.0.0.1:8266, evil.example", "2130706433:8266"],
    )  # fmt: skip
    def test_no_other_name(self, host: str | None) -> None:
        """A name that may be made to point here, another port, or none, is refused."""
        assert asked(host) == 421

    @given(st.text(max_size=40))
    def test_nothing_else_at_all(self, host: str) -> None:
        """Whatever a Host is, it is one of two or refused."""
        assert (asked(host) == 200) == (host.lower() in {"127.0.0.1:8266", "localhost:8266"})

    def test_names_of_a_machine_that_listens_to_others(self) -> None:
        """Listening at all addresses it answers to the machine's names, and never to 0.0.0.0."""
        assert hosts_of("0.0.0.0", 80, {"node1", "10.0.0.5"}) == {
            "127.0.0.1:80",
            "localhost:80",
            "node1:80",
            "10.0.0.5:80",
        }
        assert hosts_of("10.0.0.5", 80, {"node1"}) == {"10.0.0.5:80"}
        assert hosts_of("::1", 80) == {"127.0.0.1:80", "localhost:80", "[::1]:80"}


class TestSites:
    @pytest.mark.parametrize(
        "origin",
        ["http://evil.example", "null", "https://127.0.0.1:8266", "http://127.0.0.1:9", "http://localhost:8266"],
    )
    def test_other_origins_are_refused(self, origin: str) -> None:
        """An Origin that is not the very address of the request is another's."""
        assert asked(origin=origin) == 403

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "something-new"])
    def test_other_sites_are_refused(self, site: str) -> None:
        """What a browser says comes from elsewhere is refused, another port of this machine included."""
        assert asked(site=site) == 403

    def test_the_page_itself_is_not(self) -> None:
        """The page asks its own server, and a person types its address."""
        assert asked(origin="http://127.0.0.1:8266", site="same-origin") == 200
        assert asked(site="none") == 200

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "get"])
    def test_get_only(self, method: str) -> None:
        """Nothing can be changed here, so nothing else is taken."""
        assert asked(method=method) == 405


class TestSecrets:
    def test_the_cookie_is_needed_whole(self) -> None:
        """Under its name, with its value, beside whatever else there is."""
        assert guard.has_cookie("a=b; wandb_logging_8266=the-cookie; c=d", SECRETS)
        for header in (
            None,
            "",
            "wandb_logging_8266=the-cooki",
            "wandb_logging_8267=the-cookie",
            "wandb_logging_8266=the-token",
            ";;;=",
            "\x00",
        ):
            assert not guard.has_cookie(header, SECRETS)

    @given(st.text())
    def test_no_other_token(self, given_token: str) -> None:
        """Any text but the token is none."""
        assert guard.has_token(given_token, SECRETS) == (given_token == "the-token")

    def test_the_cookie_is_no_scripts_and_no_other_sites(self) -> None:
        """No script reads it, no other site has it sent, and it is gone with the browser."""
        header = guard.set_cookie(SECRETS)
        assert "HttpOnly" in header
        assert "SameSite=Strict" in header
        assert "Max-Age" not in header
        assert "Expires" not in header


class TestPolicy:
    def test_nothing_from_elsewhere_and_nothing_inline(self) -> None:
        """The page's policy allows its own files and nothing else."""
        rules = dict(part.strip().split(" ", 1) for part in guard.POLICY.split(";"))
        assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == "'none'"
        assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
        assert "unsafe" not in guard.POLICY
        assert "http" not in guard.POLICY

    @pytest.mark.parametrize("name", ["a.html", "a.HTML", "x/y.svg", "a.b.html"])
    def test_html_and_svg_are_in_a_sandbox(self, name: str) -> None:
        """What may hold scripts is shown where nothing runs."""
        assert guard.policy_of(name).startswith("sandbox; default-src 'none'")
        assert "allow" not in guard.policy_of(name)

    @pytest.mark.parametrize("name", ["a.htm", "a.xhtml", "a.xml", "a.js", "a.svgz", "a", "a.html.exe", "a.html/", ""])
    def test_what_is_not_known_is_downloaded(self, name: str) -> None:
        """A file of a type that is not in the list is never shown in place."""
        assert guard.type_of(name) is None

    @given(st.text(max_size=300))
    def test_a_downloads_name_is_only_a_name(self, name: str) -> None:
        """No line break, quote, slash or semicolon of a name gets into a header."""
        value = guard.disposition(name).removeprefix('attachment; filename="').removesuffix('"')
        assert value.isascii()
        assert not set(value) & set('\r\n"\\/;')
        assert 0 < len(value) <= 100


class TestFiles:
    @pytest.fixture
    def run_dir(self, tmp_path: Path) -> Path:
        (tmp_path / "secret").write_text("x")
        folder = tmp_path / "run"
        (folder / "files").mkdir(parents=True)
        (folder / "files" / "a.png").write_text("x")
        return folder

    def test_a_file_inside(self, run_dir: Path) -> None:
        """A file in the run directory is given by its real path."""
        assert inside(run_dir, "files/a.png") == (run_dir / "files/a.png").resolve()

    @pytest.mark.parametrize(
        "name",
        ["../secret", "files/../../secret", "", ".", "files", "none", "\0", "files/a.png/", "a" * 5000, "//etc/passwd"],
    )
    def test_nothing_outside(self, run_dir: Path, name: str) -> None:
        """Neither a way out, nor a folder, nor what is not there."""
        found = inside(run_dir, name)
        assert found is None or found == (run_dir / "files/a.png").resolve()

    def test_no_absolute_path(self, run_dir: Path) -> None:
        """A name that begins at the root stays outside."""
        assert inside(run_dir, str(run_dir.parent / "secret")) is None

    @pytest.mark.skipif(os.name == "nt", reason="links need rights there")
    def test_no_links(self, run_dir: Path) -> None:
        """A link is not followed, not as a file, not as a folder, not even to the inside."""
        (run_dir / "files" / "out").symlink_to(run_dir.parent / "secret")
        (run_dir / "files" / "in").symlink_to(run_dir / "files" / "a.png")
        (run_dir / "up").symlink_to(run_dir.parent)
        assert [inside(run_dir, name) for name in ("files/out", "files/in", "up/secret", "up/run/files/a.png")] == [
            None
        ] * 4
