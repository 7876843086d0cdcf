# SPDX-License-Identifier: MIT
"""Every command: name, group, help, example, and the module of this package that does it.

The overview needs no more than this. Only the module of the command that was asked for is loaded:
what draws pictures or reads tables takes more than a second to load on a slow laptop.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass

from tirta.cli.command import Action, Arguments, Work

FIND, FLASH, CONFIGURE, PULL, LOOK, KEYS, VIRTUAL = GROUPS = (
    "Find", "Flash", "Configure", "Pull", "Look", "Lock", "Try without hardware",
)  # fmt: skip


@dataclass(frozen=True)
class Command:
    """`name` may have two words, `config check`; `group` is one that a technician thinks in."""

    name: str
    group: str
    help: str
    example: str
    module: str

    def load(self) -> tuple[Arguments, Action]:
        """Load its module, and return what adds its arguments, and what runs it."""
        work: Work = importlib.import_module(f"tirta.cli.{self.module}").WORK
        return work[self.name]


def named(words: Sequence[str]) -> tuple[Command, ...]:
    """Return the commands whose first word is the first of `words`."""
    return tuple(c for c in COMMANDS if words and c.name.split()[0] == words[0])


COMMANDS = (
    Command("ports", FIND, "list connected nodes, real and virtual", "tirta ports", "ports"),
    Command(
        "boards",
        FIND,
        "list the boards that there are, or check a board file",
        "tirta boards my_board.toml",
        "boards",
    ),
    Command(
        "udev",
        FIND,
        "print rules for Linux: ModemManager leaves nodes alone, and each port keeps a name",
        "tirta udev > 70-tirta.rules",
        "ports",
    ),
    Command(
        "completion",
        FIND,
        "print what your shell needs to complete commands and options",
        "tirta completion bash > ~/.local/share/bash-completion/completions/tirta",
        "completion",
    ),
    Command(
        "flash",
        FLASH,
        "make a node of a bare board: MicroPython, partitions, application and config in one pass",
        "tirta flash /dev/ttyUSB0 --board esp32_devkitc --micropython ESP32_GENERIC.bin --config"
        " inlet.toml",
        "flash",
    ),
    Command(
        "deploy",
        FLASH,
        "bring the application of a node up to date, config and log stay",
        "tirta deploy /dev/ttyUSB0",
        "deploy",
    ),
    Command(
        "provision",
        FLASH,
        "make nodes of many boards at once, from a list; a second run goes on",
        "tirta provision --batch nodes.csv --micropython ESP32_GENERIC.bin",
        "provision",
    ),
    Command(
        "labels",
        FLASH,
        "make a sheet of labels to print for the nodes of a list",
        "tirta labels nodes.csv",
        "labels",
    ),
    Command(
        "update",
        FLASH,
        "bring another firmware onto a node that goes on sampling; it goes back if that fails",
        "tirta update /dev/ttyUSB0 tirta-0.2.0-esp32_devkitc.tirta",
        "update",
    ),
    Command(
        "rollback",
        FLASH,
        "go back to the firmware before the last update",
        "tirta rollback /dev/ttyUSB0",
        "update",
    ),
    Command(
        "bundle build",
        FLASH,
        "make the file that `tirta update` takes",
        "tirta bundle build --board esp32_devkitc --sign release.pem",
        "update",
    ),
    Command(
        "bundle sign",
        FLASH,
        "sign a bundle",
        "tirta bundle sign tirta-0.2.0-esp32_devkitc.tirta --key release.pem",
        "update",
    ),
    Command(
        "bundle verify",
        FLASH,
        "check a bundle and who signed it",
        "tirta bundle verify tirta-0.2.0-esp32_devkitc.tirta",
        "update",
    ),
    Command(
        "bundle key",
        FLASH,
        "draw a key to sign bundles with, and print its public half",
        "tirta bundle key release.pem",
        "update",
    ),
    Command(
        "bundle trust",
        FLASH,
        "trust whoever holds a key to sign bundles",
        f"tirta bundle trust {'ab' * 32} 'Water utility, releases'",
        "update",
    ),
    Command(
        "config init",
        CONFIGURE,
        "write a new config file: asks for each pin of the board, or takes channels in words",
        'tirta config init inlet.toml --board esp32_devkitc --channel "p_inlet 4-20mA analog_1'
        ' unit=m at_4ma=0 at_20ma=160"',
        "config",
    ),
    Command(
        "sensors",
        CONFIGURE,
        "list the kinds of sensors, or show one with its keys and an example",
        "tirta sensors 4-20mA",
        "sensors",
    ),
    Command(
        "config schema",
        CONFIGURE,
        "print the JSON Schema of config files, for an editor",
        "tirta config schema > tirta.schema.json",
        "config",
    ),
    Command(
        "config diff",
        CONFIGURE,
        "show what a config file would change on a node",
        "tirta config diff /dev/ttyUSB0 inlet.toml",
        "config",
    ),
    Command(
        "config check",
        CONFIGURE,
        "check a config file, without a node",
        "tirta config check inlet.toml",
        "config",
    ),
    Command(
        "config apply",
        CONFIGURE,
        "try a config on a node, and keep it when its sensors read; else the old one stays",
        "tirta config apply /dev/ttyUSB0 inlet.toml",
        "config",
    ),
    Command(
        "config get",
        CONFIGURE,
        "print a node's config, as a file that can be applied",
        "tirta config get /dev/ttyUSB0 > inlet.toml",
        "config",
    ),
    Command(
        "clock",
        CONFIGURE,
        "set a node's clock to this computer's time",
        "tirta clock /dev/ttyUSB0",
        "config",
    ),
    Command(
        "pull",
        PULL,
        "bring a node's log into an archive; run it again to go on or to get what is new",
        "tirta pull /dev/ttyUSB0 --archive district7",
        "pull",
    ),
    Command(
        "receive",
        PULL,
        "take in what nodes send over a network, through a broker of MQTT, until Ctrl-C",
        "tirta receive --broker mqtt://127.0.0.1 --archive district7",
        "receive",
    ),
    Command(
        "lake write",
        PULL,
        "bring the tables of many cities into one lake (Delta Lake), for Spark, Trino and others",
        "tirta lake write /srv/tirta /srv/lake",
        "lake",
    ),
    Command(
        "lake tidy",
        PULL,
        "make large files of a lake's small ones, and remove those of old snapshots",
        "tirta lake tidy /srv/lake --keep-days 30",
        "lake",
    ),
    Command(
        "lake restore",
        PULL,
        "write a city's tables back from a lake, as of now or of an old snapshot",
        "tirta lake restore /srv/lake bandung /srv/again/bandung",
        "lake",
    ),
    Command(
        "lake mend",
        PULL,
        "make an archive and the lake that it fills agree, after an older copy of one was put back",
        "tirta lake mend /srv/lake /srv/tirta/java",
        "lake",
    ),
    Command(
        "fleet",
        LOOK,
        "say who is behind, silent or unwell among the nodes of all cities",
        "tirta fleet /srv/tirta --only silent",
        "fleet",
    ),
    Command(
        "fleet update",
        FLASH,
        "bring new firmware onto many nodes, in waves; stops by itself when trials fail",
        "tirta fleet update --bundle tirta-0.4.0-esp32.tirta --wave 1%,10%,100% nodes.txt",
        "rollout",
    ),
    Command(
        "serve",
        LOOK,
        "show the same in a browser, live, with figures for Prometheus; for reading only",
        "tirta serve /srv/tirta",
        "fleet",
    ),
    Command(
        "tail",
        PULL,
        "show records as the node samples them, until Ctrl-C",
        "tirta tail /dev/ttyUSB0",
        "pull",
    ),
    Command(
        "export",
        PULL,
        "write an archive's records for other programs",
        "tirta export district7 --to xlsx --local-time --out district7.xlsx",
        "export",
    ),
    Command(
        "archive check",
        LOOK,
        "check an archive's evidence and tables; make the tables anew",
        "tirta archive check district7 --rebuild",
        "archive",
    ),
    Command(
        "query",
        LOOK,
        "ask an archive in SQL: records, flow, quality, events, holes",
        'tirta query district7 "SELECT time_utc, what FROM events"',
        "archive",
    ),
    Command(
        "calibrate",
        CONFIGURE,
        "calibrate a probe with what is known, and show what was done",
        "tirta calibrate /dev/ttyUSB0 ph --method 2-point --reference 4.01 --reference 9.18",
        "calibrate",
    ),
    Command("status", LOOK, "tell how a node is", "tirta status /dev/ttyUSB0", "status"),
    Command(
        "plot",
        LOOK,
        "draw what a node measured",
        "tirta plot district7 --out district7.png",
        "plot",
    ),
    Command(
        "doctor",
        LOOK,
        "tell what is wrong with a node, and what to do next",
        "tirta doctor /dev/ttyUSB0",
        "doctor",
    ),
    Command(
        "monitor",
        LOOK,
        "watch values, clock, log and alarms of a node",
        "tirta monitor /dev/ttyUSB0",
        "monitor",
    ),
    Command(
        "district",
        LOOK,
        "tell inflow, night flow, leakage, bursts and quality, and what each stands on",
        "tirta district district7 --district district7.toml --explain z7/leakage",
        "district",
    ),
    Command(
        "report",
        LOOK,
        "write the district's page: one HTML file for engineers and citizens, in two languages",
        "tirta report district7 --district district7.toml --out district7.html",
        "district",
    ),
    Command(
        "acknowledge",
        LOOK,
        "record that a burst is none, as a new consumer, so that reports stop telling of it",
        "tirta acknowledge district7 z7/burst/1 --what 'new consumer' --by Sari",
        "district",
    ),
    Command(
        "feedback import",
        LOOK,
        "keep what citizens reported, without who they are, for the district's page",
        "tirta feedback import requests.json --archive district7",
        "district",
    ),
    Command(
        "lock",
        KEYS,
        "give a node the key of its fleet and lock it, or give a locked one another key",
        "tirta lock /dev/ttyUSB0",
        "keys",
    ),
    Command(
        "unlock",
        KEYS,
        "open a locked node's REPL for mpremote, until it restarts",
        "tirta unlock /dev/ttyUSB0",
        "keys",
    ),
    Command("keys init", KEYS, "make the key of a fleet", "tirta keys init --fleet north", "keys"),
    Command(
        "keys issue",
        KEYS,
        "give technicians credentials that expire",
        "tirta keys issue --role technician --days 7 --all nodes.txt --out week12.keys",
        "keys",
    ),
    Command(
        "keys import",
        KEYS,
        "take keys out of a file onto this computer",
        "tirta keys import week12.keys",
        "keys",
    ),
    Command(
        "keys export",
        KEYS,
        "write the key of a fleet into an encrypted file",
        "tirta keys export north.keys --fleet north",
        "keys",
    ),
    Command(
        "keys list",
        KEYS,
        "list the keys on this computer, without their secrets",
        "tirta keys list",
        "keys",
    ),
    Command(
        "keys use", KEYS, "choose the fleet whose key nodes get", "tirta keys use north", "keys"
    ),
    Command(
        "keys floor",
        KEYS,
        "set the time before which a node takes credentials for expired to now",
        "tirta keys floor /dev/ttyUSB0",
        "keys",
    ),
    Command(
        "keys forget",
        KEYS,
        "tell this computer that a node, which it knows as locked, was opened on purpose",
        "tirta keys forget 240ac4e29526",
        "keys",
    ),
    Command(
        "virtual up",
        VIRTUAL,
        "start a node without hardware, or give a cut one its power back; print its port",
        "tirta virtual up demo --app",
        "virtual",
    ),
    Command(
        "virtual list", VIRTUAL, "list the virtual nodes that run", "tirta virtual list", "virtual"
    ),
    Command("virtual down", VIRTUAL, "end a virtual node", "tirta virtual down demo", "virtual"),
    Command(
        "virtual cut",
        VIRTUAL,
        "take a virtual node's power away",
        "tirta virtual cut demo --after-ops 5",
        "virtual",
    ),
)
