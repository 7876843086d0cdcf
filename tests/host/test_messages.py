# SPDX-License-Identifier: MIT
"""The messages in other languages: complete, whole, and English where nothing is translated."""

import contextlib
import re
import sys
from pathlib import Path

import pytest
from support import CHECKOUT

from tirta.cli import main, say
from tirta.errors import TirtaError
from tirta.exports.export import export
from tirta.keys import memory, passphrase
from tirta.text import translation

sys.path.insert(0, str(CHECKOUT / "host_tools"))
import make_messages

CATALOGUES = sorted(make_messages.LOCALE.glob("*/tirta.po"))
VALUE = re.compile(r"\{\d+\}")
COMMAND = re.compile(r"`tirta [^`]*`")


@pytest.fixture(autouse=True)
def english_afterwards() -> object:
    yield
    say.speak("en")


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda p: p.parent.name)
def test_the_catalogue_has_exactly_what_is_said(path: Path) -> None:
    known = {str(m.id): str(m.string) for m in make_messages.read(path) if m.id}
    spoken = make_messages.spoken()
    assert len(spoken) > 700
    assert set(spoken) - set(known) == set(), "run: make messages, then translate what is new"
    assert set(known) - set(spoken) == set(), "run: make messages"
    assert [m for m, text in known.items() if not text] == [], "translate what is empty"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda p: p.parent.name)
def test_a_translation_keeps_values_commands_and_lines(path: Path) -> None:
    for message in make_messages.read(path):
        english, text = str(message.id), str(message.string)
        if not english:
            continue
        assert sorted(VALUE.findall(text)) == sorted(VALUE.findall(english)), english
        assert sorted(COMMAND.findall(text)) == sorted(COMMAND.findall(english)), english
        assert text.count("\n") == english.count("\n"), english
        assert text.endswith(".") == english.endswith("."), english


def test_every_message_is_found_by_its_template() -> None:
    """With values that look like anything, each message comes out in its own translation."""
    catalogue = {text: f"«{text}»" for text in make_messages.spoken()}
    say_it = translation.Translator(catalogue)
    values = [f"v{i}" for i in range(20)]
    for template in catalogue:
        said = template.format(*values) if VALUE.search(template) else template
        found = say_it(said)
        assert found.startswith("«"), template
        assert VALUE.sub("", found).count("«") == 1
        for value in re.findall(r"v\d+", said):
            assert value in found


def test_values_may_stand_elsewhere_and_may_be_messages() -> None:
    say_it = translation.Translator(
        {
            "Cannot read {0}: {1}.": "{1}: {0} tidak terbaca.",
            "no such file": "berkas tidak ada",
            "{0} of {1} are there.": "Ada {0} dari {1}.",
        }
    )
    assert say_it("Cannot read a.toml: no such file.") == "berkas tidak ada: a.toml tidak terbaca."
    assert say_it("Cannot read x: 3 of 4 are there..") == "Ada 3 dari 4.: x tidak terbaca."
    assert say_it("Something else.") == "Something else."
    assert say_it("Cannot read {0}: {1}.") == "{1}: {0} tidak terbaca."


@pytest.mark.parametrize(
    ("words", "environment", "code", "left"),
    [
        (["ports"], {}, "en", ["ports"]),
        (["--language", "id", "ports"], {}, "id", ["ports"]),
        (["ports", "--language=id", "--json"], {}, "id", ["ports", "--json"]),
        (["ports"], {"LANG": "id_ID.UTF-8"}, "id", ["ports"]),
        (["ports"], {"LANG": "C.UTF-8"}, "en", ["ports"]),
        (["ports"], {"LANG": "id_ID.UTF-8", "LC_ALL": "en_GB"}, "en", ["ports"]),
        (["ports"], {"LANGUAGE": "id:en"}, "id", ["ports"]),
        (["ports"], {"LANG": "Indonesian_Indonesia.1252"}, "id", ["ports"]),
        (["ports"], {"LANG": "fr_FR"}, "en", ["ports"]),
        (["--language", "en", "ports"], {"LANG": "id_ID"}, "en", ["ports"]),
        (["x", "--", "--language", "id"], {}, "en", ["x", "--", "--language", "id"]),
    ],
)
def test_the_language_is_the_persons(
    words: list[str], environment: dict[str, str], code: str, left: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("locale.getlocale", lambda: (None, None))
    monkeypatch.setattr(translation, "languages", lambda: ["id"])
    assert translation.wanted(words) == (code, left)


def test_a_command_speaks_the_persons_language(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xx").mkdir()
    (tmp_path / "xx/tirta.po").write_text(
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "{0} is not an archive: no pages of any node are in it."\n'
        'msgstr "Bukan arsip: {0}."\n'
    )
    monkeypatch.setattr(translation, "LOCALE", tmp_path)
    translation.translator.cache_clear()
    words = ["export", str(tmp_path / "xx"), "--to", "csv"]
    assert main(["--language", "xx", *words]) == 1
    said = capsys.readouterr().err
    assert f"tirta: Bukan arsip: {tmp_path / 'xx'}." in said
    assert "Name the folder" in said  # what is not translated stays English
    assert main(["--language", "yy", "ports"]) == 2
    assert "There are no messages in the language yy." in capsys.readouterr().err
    translation.translator.cache_clear()


ENGLISH = re.compile(
    r"\b(the|is|are|no|not|you|did|argument|option|invalid|such|expected|required|lists|wrong)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    "words",
    [
        ["statsu"], ["keys", "isue"], ["status", "--bla"], ["pull", "--since", "x"], ["flash"],
        ["export", "a", "--to", "pdf"], ["config", "check", "absent.toml"], ["sensors", "puls"],
        ["calibrate", "x", "ph", "--reference", "4,01x"], ["calibrate", "x", "ph", "--celsius"],
        ["flash", "x", "--board", "virtual", "--open", "--key", "k"], ["status", "--json=1"],
        ["keys", "issue", "--help"], ["flash", "--help"], ["report", "absent"],
        ["report", "a", "--district", "absent.toml"], ["calibrate", "--history", "empty"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_wrong_word_is_told_in_one_language(
    words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Also what argparse and the system say, and messages that are put together of two."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with contextlib.suppress(SystemExit):
        main(["--language", "id", *words])
    told = "".join(capsys.readouterr())
    for typed in words:
        told = told.replace(typed, "")
    told = re.sub("--[a-z-]+", "", told)
    assert told.strip()
    assert not ENGLISH.findall(told), told


def test_what_one_waits_for_is_told_in_the_same_language(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say.speak("id")
    for what in (
        "for the node on COM3", "for the node on COM3 to start", "for the log of the node on COM3",
        "for its config from the node on COM3", "for the reading of ph to settle",
        "for the next record of node 240ac4e29526",
    ):  # fmt: skip
        say.say(f"Waiting {what}: 5 s.")
    for line in capsys.readouterr().err.splitlines():
        assert line.startswith("Menunggu "), line
        assert not re.search(r"\b(for|the|of|from|to)\b", line), line


def test_an_error_stays_english_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translation, "languages", lambda: ["id"])
    monkeypatch.setattr(translation, "translator", lambda _: str.upper)
    say.speak("id")
    with pytest.raises(TirtaError, match="is not an archive"):
        export(tmp_path, "csv")


# Phrases that nobody reads in his own language, by module, and why.
NOT_SAID = {
    "cli/catalogue.py": "names and examples of commands", "cli/keys.py": "names of commands",
    "cli/config.py": "names of commands", "cli/update.py": "names of commands",
    "cli/virtual.py": "names of commands, and a line that moves",
    "link/protocol.py": "names of requests", "link/trace.py": "the log for support",
    "demo/": "of developers", "exports/": "files for other programs, in English as their formats",
    "tables/events.py": "what an archive keeps", "tables/query.py": "SQL",
    "install/raw_repl.py": "code for a board", "install/board_check.py": "code for a board",
    "install/deploy.py": "code for a board", "image/regions.py": "names of regions",
    "install/label_sheet.py": "HTML", "archive/standings.py": "SQL", "archive/quarantine.py": "SQL",
    "tables/lake.py": "SQL", "archive/pack": "SQL", "tables/stream.py": "SQL",
    "tables/mend.py": "SQL",
    "install/rollout_record.py": "SQL", "cli/rollout.py": "names of commands",
    "cli/lake.py": "names of commands, and nouns",
    "fleet/questions.py": "SQL", "fleet/gathering.py": "SQL",
    "fleet/metrics.py": "Prometheus, in English as its formats",
    "fleet/gate.py": "answers to programs", "fleet/service.py": "answers to programs",
    "fleet/sta_": "answers to programs", "fleet/sensorthings.py": "answers to programs",
}  # fmt: skip
PARTS = {  # what is looked for, is kept in a file, or is put into a message that is translated
    "the node has overwritten it", "its page cannot be read", "archive check", "feedback import",
    "slot A, config, and the key of this chip alone", "tirta COMMAND …", "new record",
    "# Check it: tirta config check FILE. Every key: tirta config schema.\n",
    "Config of a Tirta node", "or the address of a converter", "(must differ from )(\\w+)",
    "Usual | None", "legitimate night use is not in the district file", "none yet",
    "flash: the end of the log is not found", "Unclosed array", "connect to", "no answer",
    " \\(at (?:line (\\d+), column \\d+|end of document)\\)",
    "this file", "keys issue", "keys import", "for node {0}", "Tirta: the application failed",
    "Tirta monitor", "damaged frame", "boot {0}, interval {1}, no clock",
    "  ({0} not shown before it)",
}  # fmt: skip


def test_every_phrase_is_a_message_or_has_a_reason_to_be_none() -> None:
    """Also what reaches a person by a name, a table or another module."""
    found = make_messages.spoken()
    left = set()
    for path in make_messages.PACKAGE.rglob("*.py"):
        place = path.relative_to(make_messages.PACKAGE).as_posix()
        if not place.startswith(("report/", "locale/", "virtual/", *NOT_SAID)):
            left |= {*make_messages.unsaid(path.read_text(encoding="utf-8"), found)}
    assert left - PARTS == set(), "say it through tirta.cli.say, then: make messages"
    assert PARTS - left == set(), "not there any more"


def test_what_is_asked_at_the_terminal_and_what_stands_over_a_table(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TIRTA_PASSPHRASE", raising=False)
    monkeypatch.setenv("TIRTA_KEYS", str(tmp_path / "keys"))
    monkeypatch.setattr("sys.stdin", type("", (), {"isatty": lambda _: True})())
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "correct horse battery"

    monkeypatch.setattr("getpass.getpass", answer)
    say.speak("id")
    passphrase.choose(f"{tmp_path}, the file with credentials")
    assert asked == [f"Frasa sandi untuk {tmp_path}, berkas berisi kredensial: ", "Sekali lagi: "]
    assert main(["--language", "id", "boards"]) == 0
    assert capsys.readouterr().out.split()[:2] == ["PAPAN", "CHIP"]


def test_messages_that_are_put_together_speak_one_language() -> None:
    say.speak("id")
    downgrade = memory.DowngradeError("240ac4e29526")
    for english in (
        downgrade.what, downgrade.hint, f"COM3: {downgrade.what}",
        "line 2: name is empty.\nline 3: name is empty.",
        "p has no value: its loop carries 22.0 mA, with which a transmitter says fault.",
        "The node restarted 2 times because the supply voltage broke down.",
    ):  # fmt: skip
        told = say.translated(english)
        assert told != english
        assert not ENGLISH.findall(told), told


def test_a_port_is_called_as_the_person_calls_it_and_mpremote_gets_its_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A virtual node's port has a long path; whoever typed its name reads that name."""
    monkeypatch.setattr(translation, "_names", {})
    translation.call("/state/inlet/port", "inlet")
    told = translation.said(
        "On /state/inlet/port: `tirta pull /state/inlet/port`, beside /state/inlet/port2;"
        " `mpremote connect /state/inlet/port reset`."
    )
    assert told == (
        "On inlet: `tirta pull inlet`, beside /state/inlet/port2;"
        " `mpremote connect /state/inlet/port reset`."
    )
