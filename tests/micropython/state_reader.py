# SPDX-License-Identifier: MIT
"""A reader of the state partition written from FORMAT.md section 7 alone: what the copy in force
and the entries behind it come to.
"""

from binascii import crc32

BLOCK = 4096


def u32(data, at):
    return data[at] | data[at + 1] << 8 | data[at + 2] << 16 | data[at + 3] << 24


def copies(image):
    """[(sequence, start, end, {tag: bytes})] of the whole copies in a partition."""
    found = []
    for start in (0, len(image) // 2):
        if bytes(image[start : start + 8]) != b"TSta\x01\0\0\0":
            continue
        end = start + 16 + u32(image, start + 12) + 4
        if end > start + len(image) // 2 or crc32(image[start : end - 4]) != u32(image, end - 4):
            continue
        fields, at = {}, start + 16
        while at < end - 4:
            n = image[at + 1] | image[at + 2] << 8
            fields[image[at]] = bytes(image[at + 3 : at + 3 + n])
            at += 3 + n
        found.append((u32(image, start + 8), start, end, fields))
    return found


def in_force(image):
    """(sequence, start, end, fields) of the copy that counts."""
    return max(copies(image), key=lambda copy: copy[0])


def learned(image):
    """(time floor, wrong guesses) that a node must go by."""
    _, start, end, fields = in_force(image)
    floor = u32(fields[5], 0) if 5 in fields else 0
    wrong = fields[6][0] if 6 in fields else 0
    last = start + (end - start + BLOCK - 1) // BLOCK * BLOCK
    places = [bytes(image[at : at + 8]) for at in range(end, last - 7, 8)]
    while places and places[-1] == b"\xff" * 8:
        places.pop()
    for entry in places:
        value = u32(entry, 1)
        right = crc32(entry[:5]) & 0xFFFFFF == entry[5] | entry[6] << 8 | entry[7] << 16
        if not right or entry[0] == 2:
            wrong = min(255, wrong + 1)
        elif entry[0] == 3:
            wrong = 0
        elif entry[0] == 4:
            floor = max(floor, value)
    return floor, wrong
