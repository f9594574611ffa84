"""What is found out of a git repository, beside what git says of the same one; and what files of others cannot do."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.repositories import ADDRESS, git, head, repository as made
from wandb_logging._process.repository import public_address, repository

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return made(tmp_path / "repo")


def by_hand(folder: Path, head: str = COMMIT, config: str = "", **files: str) -> Path:
    """A repository of nothing but the files that are read."""
    (folder / ".git" / "objects").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text(head)
    (folder / ".git" / "config").write_text(config)
    for name, text in files.items():
        (folder / ".git" / name).write_text(text)
    return folder


class TestBesideGit:
    def test_a_branch_of_a_repository(self, repo: Path) -> None:
        """The address of origin, and the commit, from a folder inside it, by whatever name, and by a file there."""
        (repo / "src").mkdir()
        (repo / "src" / "train.py").touch()
        (repo.parent / "link").symlink_to(repo / "src")
        for folder in (repo / "src", repo.parent / "link", repo / "src" / "train.py"):
            assert repository(folder, "origin") == {"remote": ADDRESS, "commit": head(repo)}

    def test_no_branch_is_checked_out(self, repo: Path) -> None:
        """HEAD is a commit then."""
        git(repo, "checkout", "-q", "--detach")
        assert repository(repo, "origin")["commit"] == head(repo)

    def test_refs_in_one_file(self, repo: Path) -> None:
        """As after `git gc`; also where a branch has a name that ends like another."""
        git(repo, "branch", "other/main")
        git(repo, "commit", "-q", "--allow-empty", "-m", "more")
        git(repo, "pack-refs", "--all")
        assert not (repo / ".git" / "refs" / "heads" / "main").exists()
        assert repository(repo, "origin")["commit"] == head(repo)

    def test_another_work_tree(self, repo: Path) -> None:
        """What both have in common is in the first one, HEAD is its own."""
        git(repo, "worktree", "add", "-q", "-b", "second", "../second")
        second = repo.parent / "second"
        git(second, "commit", "-q", "--allow-empty", "-m", "there")
        assert head(second) != head(repo)
        assert repository(second, "origin") == {"remote": ADDRESS, "commit": head(second)}

    def test_a_submodule(self, repo: Path) -> None:
        """It is a repository of its own."""
        inner = made(repo.parent / "inner", remote=None)
        git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "inner")
        git(repo, "commit", "-qm", "with it")
        assert repository(repo / "inner", "origin") == {"remote": str(inner), "commit": head(inner)}

    def test_before_the_first_commit(self, tmp_path: Path) -> None:
        """There is a remote alone."""
        assert repository(made(tmp_path / "new", commits=0), "origin") == {"remote": ADDRESS}

    def test_no_remote_of_that_name(self, repo: Path) -> None:
        """There is a commit alone; the name decides, as it does for the official SDK."""
        git(repo, "remote", "rename", "origin", "upstream")
        assert repository(repo, "origin") == {"commit": head(repo)}
        assert repository(repo, "upstream")["remote"] == ADDRESS

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
    @given(
        st.text(st.characters(blacklist_categories=["Cc", "Cs"]), min_size=1).filter(lambda text: text.strip() == text),
        st.text('abc.-"\\ ]', min_size=1).filter(lambda name: name.strip() == name and name[0] not in ".-"),
    )
    def test_whatever_an_address_has_in_it(self, repo: Path, address: str, name: str) -> None:
        """Quotes, comments, backslashes: it is read as git has written it."""
        git(repo, "config", "--file", ".git/config", f"remote.{name}.url", address)
        assert repository(repo, name).get("remote", "") == public_address(address)

    def test_no_repository(self, tmp_path: Path) -> None:
        """Nothing is said, also where something else has the name."""
        for name in ("none", "empty", "text"):
            (tmp_path / name).mkdir()
        (tmp_path / "empty" / ".git").mkdir()
        (tmp_path / "text" / ".git").write_text("a note")
        assert [repository(tmp_path / name, "origin") for name in ("none", "empty", "text", "gone")] == [{}] * 4


class TestAddress:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("https://ada:s3cret@example.com/r.git", "https://example.com/r.git"),
            ("https://s3cret@Example.com:8443/r.git", "https://example.com:8443/r.git"),
            ("https://s3cret:x-oauth-basic@example.com/r.git", "https://example.com/r.git"),
            ("https://ada:s3@cret@example.com/r.git", "https://example.com/r.git"),
            ("https://ada:s3/cret@example.com/r.git", ""),
            ("https://example.com/r.git?private_token=s3cret#x", "https://example.com/r.git"),
            ("gcrypt::https://ada:s3cret@example.com/r.git", "gcrypt::https://example.com/r.git"),
            ("ssh://git@[::1]:2222/r.git", "ssh://[::1]:2222/r.git"),
            ("ada:s3cret@example.com:r.git", "example.com:r.git"),
            ("git@example.com:team/r.git", "git@example.com:team/r.git"),
            ("/srv/git/r.git", "/srv/git/r.git"),
            ("file:///srv/git/r.git", "file:///srv/git/r.git"),
            ("C:\\git\\r.git", "C:\\git\\r.git"),
            ("https://example.com/" + "x" * 5000, ""),
        ],
    )
    def test_nothing_secret_is_left(self, given: str, expected: str) -> None:
        """Neither user, password nor query; where they cannot be told apart, nothing."""
        assert public_address(given) == expected
        assert "cret" not in public_address(given)


class TestFilesOfOthers:
    @pytest.mark.parametrize(
        "head",
        [
            "ref: refs/../../../secret",
            "ref: /etc/passwd",
            "ref: refs/heads/\0",
            "a secret",
            "ref: refs/heads/main",  # which names itself, below
            COMMIT[:39],
            COMMIT.upper(),
            "",
        ],
    )
    def test_only_a_commit_is_taken(self, tmp_path: Path, head: str) -> None:
        """What HEAD leads to is no commit, or not in the repository: then it is nothing."""
        (tmp_path / "secret").write_text(COMMIT)
        repo = by_hand(tmp_path / "repo", head)
        (repo / ".git" / "refs" / "heads").mkdir(parents=True)
        (repo / ".git" / "refs" / "heads" / "main").write_text("ref: refs/heads/main")
        assert repository(repo, "origin") == {}

    @pytest.mark.skipif(sys.platform == "win32", reason="no pipes in folders")
    def test_nobody_is_waited_for(self, tmp_path: Path) -> None:
        """Pipes, folders and links to nothing or themselves in the places of files: what is whole is found."""
        repo = by_hand(tmp_path / "repo", "ref: refs/heads/main", config=f'[remote "origin"]\n url = {ADDRESS}\n')
        for name in ("packed-refs", "commondir"):
            os.mkfifo(repo / ".git" / name)
        assert repository(repo, "origin") == {"remote": ADDRESS}
        for name in ("HEAD", "config"):
            (repo / ".git" / name).unlink()
        (repo / ".git" / "HEAD").mkdir()
        (repo / ".git" / "config").symlink_to("config")
        assert repository(repo, "origin") == {}
        os.mkfifo(tmp_path / "repo" / "pipe")
        for target in ("pipe", "nothing", ".git"):
            (tmp_path / "repo" / ".git").rename(tmp_path / f"was-{target}")
            (tmp_path / "repo" / ".git").symlink_to(target)
            assert repository(repo, "origin") == {}
            (tmp_path / "repo" / ".git").unlink()
            (tmp_path / f"was-{target}").rename(tmp_path / "repo" / ".git")

    def test_files_without_an_end(self, tmp_path: Path) -> None:
        """Of huge files only the beginning is read."""
        repo = by_hand(tmp_path / "repo", "ref: refs/heads/main")
        for name in ("config", "packed-refs", "refs"):
            with (repo / ".git" / name).open("wb") as file:
                file.truncate(2**32)  # without taking room
        assert repository(repo, "origin") == {}

    @given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=300))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
    def test_whatever_is_in_them(self, tmp_path: Path, head: bytes, config: bytes, dot_git: bytes) -> None:
        """Nothing is raised, and all that comes of it is two texts that can be sent."""
        repo = tmp_path / "repo"
        if not repo.exists():
            by_hand(repo)
            (tmp_path / "other").mkdir()
        (repo / ".git" / "HEAD").write_bytes(head)
        (repo / ".git" / "config").write_bytes(b'[remote "origin"]\nurl=' + config)
        (tmp_path / "other" / ".git").write_bytes(b"gitdir: " + dot_git)
        for folder in (repo, tmp_path / "other"):
            for value in repository(folder, "origin").values():
                assert value.encode()

    @pytest.mark.parametrize(
        ("config", "expected"),
        [
            ('[remote "origin"] url = x # the mirror', "x"),
            ('[REMOTE "origin"]\n\tURL = "x;y" ; a comment', "x;y"),
            ("[remote.origin]\nurl=x", "x"),
            ('[remote "origin"]\r\nurl = x\\\r\ny\r\n', "xy"),
            ('[remote "origin"]\nurl = x\nurl = y\n[remote "other"]\nurl = z\n', "y"),
            ('[remote "Origin"]\nurl = x', None),
            ('# [remote "origin"]\nurl = x', None),
            ('[remote "origin"]\nurl\npushurl = x', None),
        ],
    )
    def test_a_configuration_written_by_hand(self, tmp_path: Path, config: str, expected: str | None) -> None:
        """It is read as git reads it."""
        assert repository(by_hand(tmp_path / "repo", config=config), "origin").get("remote") == expected
