# SPDX-License-Identifier: MIT
"""A node whose config and log say anything: it is pulled, checked, exported, drawn and reported all
the same, and what it says neither ends in a traceback nor spoils the archive.
"""

import json
import os
import random
from pathlib import Path

import content_lies
import pytest
from liar import NODE, LiarNode, shared
from lies import obeyed
from peer import CONFIG_TEXT

from tirta.cli import main
from tirta.exports.sensorthings import flag_name
from tirta.keys import memory
from tirta.water import node_config
from tirta_format import config as format_config

SEEDS = 30
NAMES = {"PORT": "port", "DIR": "archive", "OUT": "out", "PAGE": "page.html", "PICTURE": "x.png"}
ALL = "SELECT * FROM all_events, channels"
EACH = ("doctor PORT", "tail PORT --count 1", "config get PORT", "pull PORT --archive DIR")
AFTER = (
    "archive check DIR", "archive check DIR --rebuild", "export DIR --to csv --out OUT",
    "export DIR --to xlsx --out OUT", "export DIR --to ngsi-ld --out OUT", "district DIR",
    "report DIR --out PAGE", "plot DIR --out PICTURE", "pull PORT --archive DIR --json",
    "export DIR --to csv --wide --out OUT", "export DIR --to sensorthings --out OUT",
    "calibrate --history DIR", "calibrate --history DIR --json", "query DIR ALL",
    "district DIR --json",
)  # fmt: skip


def liar(chance: random.Random) -> LiarNode:
    """An open node, of which the config, the log or both are lies."""
    node = LiarNode()
    which = chance.random()
    if which < 0.6:
        node.config_text = content_lies.config(chance)[: format_config.MAX_BYTES]
    if which > 0.3:
        node.log = content_lies.LyingLog(chance)
    if which < 0.4:
        node.log.config_hash = format_config.config_hash(node.config_text)
    node.log.add(chance.choice((5, 60, 300)))
    return node


def told(seed: int, folder: Path, capsys: pytest.CaptureFixture[str], after: int) -> None:
    """Every command that asks the node, and so many of those that read what it said."""
    chance = random.Random(seed)
    node = liar(chance)
    memory.remember(NODE, memory.OPEN, "test")
    (folder / "port").touch()
    for command in (*EACH, *chance.sample(AFTER, after)):
        words = [ALL if w == "ALL" else str(folder / NAMES[w]) if w in NAMES else w
                 for w in command.split()]  # fmt: skip
        with shared(node) as clock:
            clock.endless = words[0] == "tail"
            code = main(words)
        out, err = capsys.readouterr()
        assert code in {0, 1}, command
        assert not obeyed(out + err), command
        assert (out + err).encode(), command
    page = folder / "page.html"
    assert not page.exists() or "<script>alert(1)" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_a_node_keeps_may_be_anything(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(seed, tmp_path, capsys, 2)


@pytest.mark.parametrize("junk", ["no page", "a folder", "a fifo", "endless", "attested", "readme"])
def test_an_archive_with_junk_in_it(
    junk: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a bad disk, or somebody else, made of the only page or of what lies beside it."""
    node = LiarNode()
    node.log.add(5)
    memory.remember(NODE, memory.OPEN, "test")
    archive = tmp_path / "archive"
    with shared(node):
        assert main(["pull", "/dev/liar", "--archive", str(archive)]) == 0
    (page,) = archive.rglob("*.page")
    if junk == "attested":
        lie = '{"format": 2, "pages": {"1": [Infinity, "x"]}, "rejected": []}'
        (page.parents[1] / "attested.json").write_text(lie)
    elif junk == "no page":
        page.write_bytes(b"{}")
    else:
        spoilt = archive / "README.md" if junk == "readme" else page
        spoilt.unlink()
        if junk == "a fifo":
            os.mkfifo(spoilt)
        elif junk == "endless":
            spoilt.symlink_to("/dev/zero")
        else:
            spoilt.mkdir()
    for command in AFTER[:8]:
        words = [str(tmp_path / NAMES[w]) if w in NAMES else w for w in command.split()]
        with shared(node):
            assert main(words) in {0, 1}, command
        assert "Traceback" not in capsys.readouterr().err


def test_a_flag_that_is_none_is_told() -> None:
    assert (flag_name(3), flag_name(13)) == ("suspect", "flag 13")


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(SEEDS, 1000))
def test_what_many_nodes_keep(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(seed, tmp_path, capsys, len(AFTER))


@pytest.mark.parametrize("name", ["\x1b[2J", "../x", "=1+1", "\ud800", "a b", "10"])
def test_a_channel_has_a_name_that_is_one(name: str) -> None:
    text = CONFIG_TEXT.replace(b'"flow"', json.dumps(name).encode())
    with pytest.raises(ValueError, match="letters, digits"):
        node_config.parse(text)


def test_texts_of_a_config_are_printable() -> None:
    text = CONFIG_TEXT.replace(b'"pulses"', b'"p\\u001b[2J\\u202e"')
    assert node_config.parse(text)["channels"][0]["unit"] == "p [2J"
