# SPDX-License-Identifier: MIT
"""Every command helps, shows an example that parses, and says errors once and with what to do."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import patience
import pytest
from peer import Peer, peer_fixture  # noqa: F401

from tirta.cli import build_parser, main
from tirta.cli.catalogue import COMMANDS, GROUPS
from tirta.link.serial_line import Line

TIRTA = [sys.executable, "-c", "import sys; from tirta.cli import main; sys.exit(main())"]


def test_commands_of_part_one_are_there() -> None:
    assert {c.name for c in COMMANDS} >= {
        "ports", "flash", "deploy", "config check", "config apply", "config get", "clock", "pull",
        "export", "status", "plot", "virtual up", "virtual list", "virtual down", "virtual cut",
    }  # fmt: skip
    assert {c.group for c in COMMANDS} == set(GROUPS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_command_has_help_and_an_example_that_parses(
    command: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(command, COMMANDS[0].__class__)
    parser, parsers = build_parser()
    assert command.help
    shown = parsers[command.name].format_help()
    assert f"Example:\n  {command.example}" in shown.replace(" \\\n    ", " ")
    example = command.example.partition(" > ")[0]
    args = parser.parse_args(shlex.split(example)[1:])
    assert args.run is command.load()[1]
    for action in parsers[command.name]._actions:
        assert action.help, f"{action.dest} has no help"
    with pytest.raises(SystemExit) as ended:
        main([*command.name.split(), "--help"])
    assert ended.value.code == 0
    assert shown in capsys.readouterr().out


def test_overview_lists_every_command_in_its_group(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert [shown.index(f"\n{group}:") for group in GROUPS] == sorted(
        shown.index(f"\n{group}:") for group in GROUPS
    )
    for command in COMMANDS:
        assert f"\n  {command.name} " in shown


@pytest.mark.parametrize("words", [["fly"], ["export"], ["pull", "--since", "-1"], ["config"], []])
def test_wrong_usage_ends_with_2(words: list[str]) -> None:
    try:
        code = main(words)
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code == 2


@pytest.mark.parametrize("columns", [80, 100])
def test_help_fits_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    top, parsers = build_parser()
    for shown in (top.format_help(), *(parser.format_help() for parser in parsers.values())):
        assert [line for line in shown.splitlines() if len(line) > columns] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["pul"], ("There is no command `tirta pul`.", "Did you mean `tirta pull`?")),
        (["config", "chek", "a.toml"], ("`tirta config chek`", "`tirta config check`?")),
        (
            ["pull", "--archiv", "a"],
            (
                "There is no option or place for: --archiv",
                "Did you mean --archive? See `tirta pull --help`.",
            ),
        ),
        (["tail", "--count", "few"], ("'few' is no record number", "`tirta tail --help`")),
        (["pull", "--from", "yesterday"], ("'yesterday' is neither", "2026-03-31")),
    ],
)
def test_wrong_usage_says_what_is_right(
    words: list[str], told: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(words)
    except SystemExit as ended:
        code = int(str(ended.code))
    what = capsys.readouterr()
    assert (code, what.out, what.err.count("\n"), what.err.count("tirta: ")) == (2, "", 2, 1)
    for part in told:
        assert part in what.err


def test_a_message_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only there: a script reads a message in two lines, however long they are."""
    monkeypatch.setenv("COLUMNS", "60")
    ours, theirs = os.openpty()
    words = [*TIRTA, "status", "/dev/nowhere", "--baud", "no number, and a text that is long"]
    code = patience.run(words, stderr=theirs).returncode
    told = os.read(ours, 4000).decode()
    os.close(ours)
    os.close(theirs)
    assert code == 2
    lines = told.splitlines()
    assert len(lines) > 2
    assert max(map(len, lines)) <= 60
    assert " ".join(told.split()).endswith("See `tirta status --help`.")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return patience.run([*TIRTA, *words])


def assert_one_message(done: subprocess.CompletedProcess[str], *told: str) -> None:
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("tirta: ")
    assert done.stderr.count("tirta: ") == 1
    assert "Traceback" not in done.stderr
    for text in told:
        assert text in done.stderr


def test_wrong_port(tmp_path: Path) -> None:
    done = run("pull", "/dev/nowhere", "--archive", str(tmp_path / "a"))
    assert_one_message(done, "There is no port /dev/nowhere", "tirta ports")
    assert not (tmp_path / "a").exists()


def test_port_in_use(peer: Peer) -> None:
    with Line(peer.port):
        assert_one_message(run("status", peer.port), "in use by another program")
        assert_one_message(
            run("flash", peer.port, "--board", "virtual", "--open"), "in use by another program"
        )


def test_port_where_no_node_answers(peer: Peer) -> None:
    peer.silent = True
    assert_one_message(run("status", peer.port), "No node answers", "--baud")


def test_board_file_with_an_error(tmp_path: Path) -> None:
    board = tmp_path / "broken.toml"
    board.write_text("chip = 'esp32'\n")
    assert_one_message(run("flash", "/dev/nowhere", "--board", str(board)), "broken.toml")
    board.write_text("chip = \n")
    assert_one_message(run("flash", "/dev/nowhere", "--board", str(board)), "not valid TOML")


def test_config_with_errors_changes_nothing(tmp_path: Path, peer: Peer) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('board = "virtual"\ninterval_s = -1\ncolour = 1\n[[channel]]\n')
    assert_one_message(run("config", "apply", peer.port, str(path)), "bad.toml:2", "bad.toml:3")
    assert 0x08 not in peer.requests
    done = run("config", "check", "--json", str(path))
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert not told["ok"]
    assert {"where", "what", "hint"} == set(told["errors"][0])


def test_archive_that_is_none(tmp_path: Path) -> None:
    for words in (["export", str(tmp_path), "--to", "csv"], ["plot", str(tmp_path)]):
        assert_one_message(run(*words), "is not an archive")
    assert list(tmp_path.iterdir()) == []


def test_json_of_status_and_config(peer: Peer) -> None:
    assert json.loads(run("config", "get", peer.port, "--json").stdout)["name"] == "test"
    assert json.loads(run("status", peer.port, "--json").stdout)["node"] == "n0de"


def test_ctrl_c_is_one_message(peer: Peer) -> None:
    peer.silent = True
    process = subprocess.Popen([*TIRTA, "status", peer.port], stderr=subprocess.PIPE, text=True)
    while not peer.most_unanswered:
        pass
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 1
    assert told.startswith("tirta: Interrupted.")
    assert "Traceback" not in told


@pytest.mark.parametrize("where", ["tirta.cli", "tirta.cli.pull", "pyarrow"])
def test_ctrl_c_while_a_command_is_loaded_is_one_message(where: str) -> None:
    """A hand is quicker than an import: the key comes when Python looks for the module."""
    code = f"""
import sys
class Hand:
    def find_spec(self, name, path=None, target=None):
        if name == {where!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Hand())
from tirta.entry import main
sys.exit(main())
"""
    words = [sys.executable, "-c", code, "pull", "/dev/nothing"]
    done = patience.run(words)
    assert done.returncode == 1
    assert done.stderr.startswith("tirta: Interrupted.")
    assert "Traceback" not in done.stderr
