# SPDX-License-Identifier: MIT
"""Who may do what with a locked node: every request in every role, logins, clocks, lock-outs."""

import time

import pytest
from locked import (
    FLEET,
    OTHER_FLEET,
    Wire,
    clock_payload,
    credential,
    guarded,
    power_cycle,
    refused,
    up,
)
from node_configs import config
from nodes import FAST_BAUD, Nodes

from tirta.errors import TirtaError
from tirta.link.failures import RefusedError
from tirta.link.session import Session
from tirta.node import Node
from tirta_format import access, frame, roles, seals


def nonsense(kind: int) -> bytes:
    """A payload that a request refuses: its role is decided before."""
    return b"" if kind == frame.RESTART else b"\xff" * 3


def test_every_request_in_every_role(nodes: Nodes) -> None:
    port, name = up(nodes, config=config())
    with Wire(port) as wire:
        for role in (access.ANYONE, access.TECHNICIAN, access.ADMINISTRATOR):
            session = wire.log_in(credential(name, role)) if role else None
            for kind in range(1, 0x80):
                if kind in {seals.SEALED, access.CHALLENGE, access.LOGIN, frame.HELLO}:
                    continue
                if session:
                    answer = wire.ask_sealed(session, kind, nonsense(kind))
                else:
                    answer = wire.ask(kind, nonsense(kind))
                least = roles.LEAST.get(kind)
                if least is None:
                    assert refused(answer, frame.BAD_REQUEST), (role, kind, answer)
                elif role < least:
                    assert refused(answer), (role, kind, answer)
                else:
                    assert not refused(answer), (role, kind, answer)
                    assert not refused(answer, frame.BAD_REQUEST), (kind, answer)


def test_a_request_that_an_open_node_knows_has_a_role(nodes: Nodes) -> None:
    port = nodes.up("visited", app=True, config=config()).port
    time.sleep(2)
    with Wire(port) as wire:
        for kind in range(1, 0x80):
            known = not refused(wire.ask(kind, nonsense(kind)), frame.BAD_REQUEST)
            assert not known or kind in roles.LEAST, f"request {kind:#x} has no least role"


def test_a_stranger_learns_the_name_and_little_else(nodes: Nodes) -> None:
    port, _ = up(nodes, config=config(name="inlet 7"))
    with Node(port, FAST_BAUD) as node:
        guarded(node)
        assert node.hello.name == "inlet 7"
        assert node.status() == {"node": node.hello.node, "mode": "locked", "locked_out_s": 0}
        for refused_call in (node.values, node.commit, node.config, node.restart, node.unlock):
            with pytest.raises(TirtaError, match="no key on this computer"):
                refused_call()
        assert not hasattr(node.link.guard, "key")


def test_the_least_role_is_taken_and_the_log_says_who(nodes: Nodes) -> None:
    port, name = up(nodes, config=config())
    with Node(port, FAST_BAUD) as node:
        technician = credential(name, access.TECHNICIAN, serial=300)
        guarded(node, technician, credential(name, access.ADMINISTRATOR))
        assert node.status()["mode"] == "locked"
        assert node.status()["next_record"] >= 0
        assert node.link.guard
        assert node.link.guard.session
        assert node.link.guard.session.credential == technician
        page = node.index()[-1].page
        assert len(node.digest(page, 0, page, 40)) == 32


@pytest.mark.parametrize("role", [access.TECHNICIAN, access.ADMINISTRATOR])
def test_the_clock_between_floor_and_expiry(nodes: Nodes, role: int) -> None:
    port, name = up(nodes, config=config())
    floor, expiry = 1_800_000_000, 1_800_600_000
    with Wire(port) as wire:
        session = wire.log_in(credential(name, role, issued=floor, expires=expiry))
        technician = role == access.TECHNICIAN
        for unix_s, wrong in (
            (floor - 1, True), (expiry + 1, True), (floor + 100, False), (floor + 50, True),
            (floor + 200, False),
        ):  # fmt: skip
            answer = wire.ask_sealed(session, frame.CLOCK_SET, clock_payload(unix_s))
            if not technician and unix_s > expiry:
                assert not refused(answer)
                session = wire.log_in(credential(name, role))  # the clock ended that session
                continue
            assert refused(answer) == (wrong and technician), (unix_s, answer)
        # An older credential has expired by the floor alone, whatever the clock says.
        _, nonce = wire.ask(access.CHALLENGE)
        old = Session(credential(name, role, issued=1, expires=floor - 1), nonce)
        assert refused(wire.ask(access.LOGIN, old.login()))
    power_cycle(port)
    with Wire(port) as wire:
        _, nonce = wire.ask(access.CHALLENGE)
        old = Session(credential(name, role, issued=1, expires=floor - 1), nonce)
        assert refused(wire.ask(access.LOGIN, old.login())), "the floor did not outlive the power"


def test_the_floor_of_a_wrong_date_is_set_anew_and_outlives_every_write(nodes: Nodes) -> None:
    port, name = up(nodes, config=config())
    now = int(time.time())
    year = 365 * 86400
    mine = credential(name, access.TECHNICIAN, issued=now, expires=now + 86400)
    with Node(port, FAST_BAUD) as node:
        guarded(node, credential(name, access.TECHNICIAN, issued=now + 14 * year))
        with pytest.raises(RefusedError, match="later than can be"):
            node.commit()
        guarded(node, credential(name, access.TECHNICIAN, issued=now + year)).commit()
        node.set_identity({"district": "north"})
    power_cycle(port)
    with Node(port, FAST_BAUD) as node:
        with pytest.raises(RefusedError, match="has expired"):
            guarded(node, mine).commit()
        guarded(node, credential(name, access.ADMINISTRATOR, issued=0)).set_floor(now)
        assert guarded(node, mine).commit().page > 0


def test_guesses_outlive_another_write_of_the_state(nodes: Nodes) -> None:
    port, name = up(nodes, config=config())
    wrong = credential(name, access.TECHNICIAN, OTHER_FLEET)
    with Wire(port) as wire:
        session = wire.log_in(credential(name, access.TECHNICIAN))
        for _ in range(3):
            _, nonce = wire.ask(access.CHALLENGE)
            assert refused(wire.ask(access.LOGIN, Session(wrong, nonce).login()))
        answer = wire.ask_sealed(session, 0x35, b'{"district": "north"}')
        assert answer[0] == 0x35 + frame.ANSWER, answer
    power_cycle(port)
    with Wire(port) as wire:
        assert refused(wire.ask(access.CHALLENGE), access.LOCKED_OUT)


def test_the_fleets_key_changes_encrypted(nodes: Nodes) -> None:
    port, name = up(nodes, config=config())
    with Node(port, FAST_BAUD) as node:
        mine = credential(name, access.ADMINISTRATOR)
        others = credential(name, access.ADMINISTRATOR, OTHER_FLEET)
        guarded(node, mine)
        key = access.node_key(OTHER_FLEET, name)
        said = bytearray()
        write = node.line.write

        def overheard(data: bytes) -> None:
            said.extend(data)
            write(data)

        node.line.write = overheard  # type: ignore[method-assign]
        node.change_key(key)
        assert key not in bytes(said)
        assert bytes(said).count(key[:8]) == 0
        guarded(node, others)
        assert node.status()["mode"] == "locked"
        assert "next_record" in node.status()
        guarded(node, mine)
        with pytest.raises(RefusedError, match="the key is wrong"):
            node.commit()


def test_an_open_node_is_locked_and_opened_again(nodes: Nodes) -> None:
    port = nodes.up("visited", app=True, config=config()).port
    time.sleep(2)
    with Node(port, FAST_BAUD) as node:
        assert node.hello.mode == "open"
        with pytest.raises(TirtaError, match="is open"):
            node.unlock()
        node.lock(access.node_key(FLEET, node.hello.node))
        assert node.hello.mode == "locked"
        guarded(node, credential(node.hello.node, access.TECHNICIAN))
        with pytest.raises(TirtaError, match="no key on this computer opens it"):
            node.make_open()
        guarded(node, credential(node.hello.node, access.ADMINISTRATOR))
        node.make_open()
        assert node.hello.mode == "open"


def test_guesses_end_in_silence_that_outlives_the_power(nodes: Nodes) -> None:
    port, name = up(nodes, config=config())
    wrong = credential(name, access.TECHNICIAN, OTHER_FLEET)
    right = credential(name, access.TECHNICIAN)
    with Wire(port) as wire:
        for _ in range(3):
            _, nonce = wire.ask(access.CHALLENGE)
            assert refused(wire.ask(access.LOGIN, Session(wrong, nonce).login()))
        assert refused(wire.ask(access.CHALLENGE), access.LOCKED_OUT)
        assert refused(wire.ask(access.LOGIN, Session(right, bytes(16)).login()), access.LOCKED_OUT)
    power_cycle(port)
    with Wire(port) as wire:
        assert refused(wire.ask(access.CHALLENGE), access.LOCKED_OUT)
        time.sleep(5.5)
        session = wire.log_in(right)
        _, status = wire.ask_sealed(session, frame.STATUS)
        assert b'"overruns": 0' in status
        wire.ask_sealed(session, frame.COMMIT)
