# SPDX-License-Identifier: MIT
"""Keys on the laptop: an office issues, a technician imports, and no file shows a secret."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring

from tirta.cli import main
from tirta.errors import TirtaError
from tirta.keys import box, office, vault
from tirta.keys.credential import DAY_S, Credential
from tirta.keys.uplink_key import UplinkKey
from tirta.receive import keys as uplink_keys
from tirta_format import access, uplink

NODE, OTHER = "02fb6be3ee96", "02fb6be3ee97"
WORDS = "correct horse battery"
Computer = Callable[[str], None]


class Memory(KeyringBackend):
    """A keyring that forgets, and that nobody gets who does not ask for it."""

    priority = -1

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))


@pytest.fixture
def ring() -> KeyringBackend:
    return Memory()


@pytest.fixture
def computer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ring: KeyringBackend
) -> Iterator[Callable[[str], None]]:
    """Sit down at the computer of this name; the keyring is one for all."""
    before = keyring.get_keyring()
    monkeypatch.setenv("TIRTA_PASSPHRASE", WORDS)
    keyring.set_keyring(ring)
    monkeypatch.setattr(vault, "_opened", {})

    def sit(name: str) -> None:
        monkeypatch.setenv("TIRTA_KEYS", str(tmp_path / name / "keys"))

    sit("office")
    yield sit
    keyring.set_keyring(before)


def test_an_office_issues_and_a_technician_imports(computer: Computer, tmp_path: Path) -> None:
    office.init("north")
    fleet = vault.load().fleet()
    file = tmp_path / "week.keys"
    made = office.issue([NODE, OTHER], "technician", 7, file)
    assert [c.serial for c in made] == [1, 2]
    assert office.issue([NODE], "technician", 7, tmp_path / "b")[0].serial == 3

    computer("technician")
    came = office.import_(file)
    assert came.credentials == made
    assert not came.fleets
    (found,) = vault.load().candidates(NODE, access.TECHNICIAN)
    assert found.key == access.credential_key(access.node_key(fleet, NODE), found.claims)
    assert found.expires - found.issued == 7 * DAY_S
    assert abs(found.issued - time.time()) < 60
    assert vault.load().candidates(NODE, access.ADMINISTRATOR) == []
    assert vault.load().candidates("0" * 12, access.TECHNICIAN) == []
    with pytest.raises(TirtaError, match="no fleet key"):
        office.issue([NODE], "technician", 7, tmp_path / "c")


def test_no_secret_lies_open(computer: Computer, tmp_path: Path, ring: Memory) -> None:
    office.init("north")
    fleet = vault.load().fleet()
    office.issue([NODE], "technician", 7, tmp_path / "week.keys")
    office.export("", tmp_path / "north.keys")
    (master,) = ring.kept.values()
    for path in (vault.path(), tmp_path / "week.keys", tmp_path / "north.keys"):
        data = path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0
        for secret in (
            fleet,
            fleet.hex().encode(),
            WORDS.encode(),
            bytes.fromhex(master),
            b"north",
        ):
            assert secret not in data, path


def test_expired_and_older_credentials_do_not_count(computer: Computer) -> None:
    key = bytes(32)
    old = Credential.make(key, NODE, access.TECHNICIAN, serial=1, days=-1)
    new = Credential.make(key, NODE, access.TECHNICIAN, serial=2, days=3)
    kept = vault.Vault()
    kept.add(old)
    assert kept.candidates(NODE, access.TECHNICIAN) == []
    kept.add(new)
    kept.add(old)
    assert kept.candidates(NODE, access.TECHNICIAN) == [new]
    assert [c.serial for c in kept.credentials] == [2]


def test_without_a_keyring_a_passphrase_opens(
    computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]
    office.init("north")
    assert box.kind(vault.path().read_bytes()) == box.PASSPHRASE
    monkeypatch.setattr(vault, "_opened", {})
    assert vault.load().use == "north"
    monkeypatch.setattr(vault, "_opened", {})
    monkeypatch.setenv("TIRTA_PASSPHRASE", WORDS + "!")
    with pytest.raises(TirtaError, match=f"passphrase is not the one of {vault.path()},"):
        vault.load()
    monkeypatch.delenv("TIRTA_PASSPHRASE")
    with pytest.raises(TirtaError, match=f"{vault.path()}, for node {NODE} is needed, and nobody"):
        vault.load(f"for node {NODE}")


def test_a_vault_or_a_file_with_anything_in_it_is_one_message(
    computer: Computer, tmp_path: Path
) -> None:
    office.init("north")
    good = vault.load().as_json()
    made = Credential.make(bytes(32), NODE, access.TECHNICIAN, serial=1, days=7).as_json()
    bad: tuple[dict[str, object], ...] = (
        {"serial": 1e400}, {"serial": "9" * 5000}, {"issued": 2**32}, {"issued": float("inf")},
        {"fleets": []}, {"fleets": {"north": 7}}, {"fleets": {"north": "zz"}}, {"credentials": 7},
        {"credentials": [made | {"node": "\x1b[2J"}]}, {"credentials": [made | {"node": "../x"}]},
        {"credentials": [made | {"claims": "00"}]}, {"credentials": [[]]},
    )  # fmt: skip
    for lie in bad:
        with pytest.raises(TirtaError):
            vault.Vault.from_json(good | lie)
    (tmp_path / "sent").write_bytes(box.close({"fleets": {"a\x1b[2J": bytes(32).hex()}}, WORDS))
    with pytest.raises(TirtaError, match="cannot name a fleet"):
        office.import_(tmp_path / "sent")
    assert [*vault.load().fleets] == ["north"]


def test_a_file_with_a_flipped_bit_is_refused() -> None:
    key = bytes(range(32))
    data = bytearray(box.close({"use": "north"}, key))
    assert box.open_(bytes(data), key) == {"use": "north"}
    for bit in range(len(data) * 8):
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(TirtaError):
            box.open_(bytes(data), key)
        data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(TirtaError):
        box.open_(bytes(data), bytes(32))
    for n in range(len(data)):
        with pytest.raises(TirtaError):
            box.open_(bytes(data[:n]), key)


def test_mistakes_are_told(computer: Computer, tmp_path: Path) -> None:
    office.init("north")
    for call, told in (
        (lambda: office.init("north"), "already"),
        (lambda: office.init("North Fleet"), "cannot name"),
        (lambda: office.use("south"), "no key of fleet south"),
        (lambda: office.issue(["xyz"], "technician", 7, tmp_path / "x"), "no node's id"),
        (lambda: office.issue([NODE], "technician", 9999, tmp_path / "x"), "at most"),
        (lambda: office.import_(tmp_path / "nothing"), "Cannot read"),
        (lambda: office.import_(vault.path()), "a computer's own keys"),
    ):
        with pytest.raises(TirtaError, match=told):
            call()
    (tmp_path / "junk").write_bytes(b"junk" * 20)
    with pytest.raises(TirtaError, match="no keys of Tirta"):
        office.import_(tmp_path / "junk")
    assert not (tmp_path / "x").exists()


def test_an_office_whose_date_jumps_is_asked(
    computer: Computer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.init("north")
    now = time.time()
    office.issue([NODE], "technician", 7, tmp_path / "now")
    for years in (-1, 2, 14):
        monkeypatch.setattr(time, "time", lambda years=years: now + years * 365 * DAY_S)
        with pytest.raises(TirtaError, match="date is"):
            office.issue([NODE], "technician", 7, tmp_path / "jump")
        assert not (tmp_path / "jump").exists()
        assert vault.load().serial == 1
    ahead = office.issue([NODE], "technician", 7, tmp_path / "ahead", date_is_right=True)
    assert ahead[0].issued > now + 13 * 365 * DAY_S
    monkeypatch.setattr(time, "time", lambda: now)
    computer("technician")
    with pytest.raises(TirtaError, match="has not come"):
        office.import_(tmp_path / "ahead")
    assert vault.load().credentials == []
    office.import_(tmp_path / "now")
    assert len(vault.load().credentials) == 1


def test_credentials_of_an_older_program_are_taken(computer: Computer, tmp_path: Path) -> None:
    made = Credential.make(bytes(32), NODE, access.TECHNICIAN, serial=1, days=7)
    old = {"node": made.node, "claims": made.claims.hex(), "key": made.key.hex()}
    assert Credential.from_json(old) == Credential(made.node, made.claims, made.key)
    assert Credential.from_json(made.as_json()) == made
    for name in ("00", "zz" * 8, 7, None, "00" * 9):
        with pytest.raises(TirtaError, match="no credential"):
            Credential.from_json({**made.as_json(), "key_name": name})


def test_a_centre_reads_with_uplink_keys_and_no_other(
    computer: Computer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It opens what its nodes send; no session, credential or fleet key follows from its vault."""
    assert main(["keys", "init"]) == 0
    fleet = vault.load().fleet()
    nodes, file = tmp_path / "nodes.txt", tmp_path / "centre.keys"
    nodes.write_text(f"{NODE}  # the inlet\n{OTHER}\n")
    words = ["keys", "issue", "--role", "archive", "--all", str(nodes), "--out", str(file)]
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["uplinks"] == [NODE, OTHER]
    computer("centre")
    with pytest.raises(TirtaError, match="No uplink key"):
        uplink_keys.from_vault()
    assert main(["keys", "import", str(file)]) == 0
    assert main(["keys", "import", str(file)]) == 0
    kept = vault.load()
    assert (kept.fleets, kept.credentials, len(kept.uplinks)) == ({}, [], 2)
    assert kept.candidates(NODE, access.TECHNICIAN) == []
    secret = vault.path().read_bytes() + json.dumps(kept.as_json()).encode()
    for node in (NODE, OTHER):
        key = access.node_key(fleet, node)
        expected = {bytes(access.key_name(key, node)): bytes(uplink.uplink_key(key, node))}
        assert uplink_keys.from_vault()(node) == expected
        assert bytes(key).hex().encode() not in secret
    assert fleet.hex().encode() not in secret
    assert uplink_keys.from_vault()("02fb6be3ee98") == {}
    capsys.readouterr()
    assert main(["keys", "list"]) == 0
    assert "Uplink keys of 2 nodes" in capsys.readouterr().out


@pytest.mark.parametrize("part", ["node", "name", "key"])
def test_an_uplink_key_that_no_office_wrote(part: str) -> None:
    made = UplinkKey.make(bytes(32), NODE).as_json()
    for wrong in ("", "zz", "00", 7, None):
        with pytest.raises(TirtaError, match="no uplink key"):
            UplinkKey.from_json({**made, part: wrong})
