# SPDX-License-Identifier: MIT
"""Pulling from a locked node: it just works with a credential, and nobody changes a page unseen."""

import json
import os
import sys
import time
from pathlib import Path

import pytest
from locked import FLEET, credential, guarded, up
from node_configs import config
from nodes import FAST_BAUD, Nodes
from patience import run

from tirta.archive.evidence import Archive
from tirta.errors import TirtaError
from tirta.keys import box
from tirta.node import Node
from tirta.node.digest_check import attest
from tirta.pull.pull import pull
from tirta_format import access, frame

TIRTA = [sys.executable, "-c", "import sys; from tirta.cli import main; sys.exit(main())"]


def tamper(node: Node) -> list[int]:
    """Somebody on the line changes a byte of the first data frame, and its CRC; counted."""
    read, done = node.line.read, [0]
    pending = bytearray()

    def changed(timeout_s: float) -> bytes:
        pending.extend(read(timeout_s))
        *whole, rest = bytes(pending).split(b"\0")
        pending[:] = rest
        out = b""
        for part in whole:
            found = frame.decode(part)
            if found and found[0] == frame.DATA and len(found[2]) > 60 and not done[0]:
                done[0] += 1
                data = bytearray(found[2])
                data[-1] ^= 1
                out += frame.encode(frame.DATA, found[1], bytes(data))
            else:
                out += part + b"\0"
        return out

    node.line.read = changed  # type: ignore[method-assign]
    return done


def test_a_changed_page_is_not_kept(nodes: Nodes, tmp_path: Path) -> None:
    port, name = up(nodes, config=config(interval_ms=200, commit_ms=1000))
    time.sleep(2)
    made = credential(name, access.TECHNICIAN)
    with Node(port, FAST_BAUD) as node:
        guarded(node, made)
        done = tamper(node)
        with pytest.raises(TirtaError, match="was changed on its way"):
            pull(node, tmp_path)
        assert done == [1]
    assert not any(epoch.pages() for epoch in Archive(tmp_path).epochs())
    with Node(port, FAST_BAUD) as node:
        result = pull(guarded(node, made), tmp_path)
        assert result.records == result.total == result.next_record
        assert result.holes == []
        (epoch,) = Archive(tmp_path).epochs()
        pages = epoch.pages()
        assert attest(node, epoch, node.index()) == 0, "everything was attested by the pull"
        page = next(iter(pages.values()))
        content = bytearray(page.read())
        content[-1] ^= 1
        page.path.write_bytes(content)
        (epoch.folder / "attested.json").unlink()
        with pytest.raises(TirtaError, match="was changed"):
            attest(node, epoch, node.index())
        assert page.sequence not in epoch.pages()


def test_pull_just_works_with_a_credential(nodes: Nodes, tmp_path: Path) -> None:
    """An office and a technician, each with the commands alone."""
    port, name = up(nodes, config=config())
    env = {k: v for k, v in os.environ.items() if not k.startswith("DBUS")} | {
        "TIRTA_PASSPHRASE": "correct horse battery",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }

    def tirta(who: str, *words: str | Path, fails: bool = False, out: bool = False) -> str:
        keys = {"TIRTA_KEYS": str(tmp_path / who)}
        done = run([*TIRTA, *words], env=env | keys, cwd=tmp_path)
        assert (done.returncode == 1) == fails, done.stderr
        return str(done.stderr if fails and not out else done.stdout)

    tirta("office", "keys", "init")
    told = tirta("technician", "pull", port, "--baud", str(FAST_BAUD), fails=True)
    assert "no key on this computer" in told
    assert "tirta keys import" in told
    # The virtual node has the tests' fleet: the office takes that key in.
    office = tmp_path / "fleet"
    office.write_bytes(box.close({"fleets": {"north": FLEET.hex()}}, env["TIRTA_PASSPHRASE"]))
    tirta("office", "keys", "import", office)
    issue = ("keys", "issue", "--node", name, "--fleet", "north", "--out", "week.keys")
    tirta("office", *issue, "--days", "1")
    tirta("technician", "keys", "import", "week.keys")
    pulled = json.loads(tirta("technician", "pull", port, "--baud", str(FAST_BAUD), "--json"))
    assert pulled["node"] == name
    assert pulled["holes"] == []
    told = tirta("technician", "unlock", port, "--baud", str(FAST_BAUD), fails=True)
    assert "administrator" in told
    assert "technician" in tirta("technician", "keys", "list")
    status = json.loads(tirta("stranger", "status", port, "--baud", str(FAST_BAUD), "--json"))
    assert set(status) == {"node", "mode", "locked_out_s"}
    words = ("doctor", port, "--baud", str(FAST_BAUD), "--node", "02ffffffffff")
    told = tirta("stranger", *words, fails=True, out=True)
    assert f"Node {name} is locked, and no key on this computer opens it" in told
    assert "not 02ffffffffff" in told
