# SPDX-License-Identifier: MIT
"""The partition table: byte for byte what Espressif's own tool makes, and back."""

import pytest
from esp_idf_defs.partitions import PartitionTable  # Espressif's gen_esp32part, packaged
from generated import given
from hypothesis import strategies as st

from tirta.boards import board_file, rules
from tirta.boards.model import Partition
from tirta.errors import TirtaError
from tirta.image import partition_table


@pytest.mark.parametrize("name", board_file.names())
def test_espressifs_tool_reads_the_table_and_writes_the_same(name: str) -> None:
    board = board_file.load(name)
    ours = partition_table.table(board)
    assert len(ours) == 0xC00
    theirs = PartitionTable.from_binary(ours)
    theirs.verify()
    assert theirs.to_binary() == ours
    assert [(p.name, p.subtype, p.offset, p.size) for p in theirs] == [
        (p.name, p.subtype, p.offset, p.size) for p in board.flash.partitions
    ]


@given(
    st.lists(
        st.builds(
            Partition,
            name=st.from_regex(r"\A[a-z][a-z0-9_]{0,14}\Z"),
            type=st.sampled_from(["app", "data"]),
            subtype=st.integers(0, 0xFE),
            offset=st.integers(0, 2**32 - 1),
            size=st.integers(1, 2**32 - 1),
        ),
        max_size=rules.MAX_ENTRIES - 1,
    )
)
def test_what_was_written_is_read(entries: list[Partition]) -> None:
    board = board_file.load("virtual")
    flash = board.flash.model_copy(update={"partitions": entries})
    written = partition_table.table(board.model_copy(update={"flash": flash}))
    assert partition_table.parse(written) == sorted(entries, key=lambda p: p.offset)


@pytest.mark.parametrize("at", [0, 3, 40, 8 * 32, 8 * 32 + 16, 8 * 32 + 31])
def test_damage_is_noticed(at: int) -> None:
    data = bytearray(partition_table.table(board_file.load("virtual")))
    data[at] ^= 0x10
    with pytest.raises(TirtaError, match="not a valid partition table"):
        partition_table.parse(bytes(data))


@pytest.mark.parametrize("length", [0, 31, 32, 100, 8 * 32])
def test_a_cut_table_is_refused(length: int) -> None:
    with pytest.raises(TirtaError, match="not a valid partition table"):
        partition_table.parse(partition_table.table(board_file.load("virtual"))[:length])


@given(st.binary(max_size=0xC00))
def test_noise_is_an_error_never_a_crash(data: bytes) -> None:
    with pytest.raises(TirtaError):
        partition_table.parse(data)
