# SPDX-License-Identifier: MIT
"""The file of a bundle: a ZIP archive in one form only, checked before anything of it is believed.

Entries are stored, in the order of their names, all from 1980; nothing is before, between or behind
them.
"""

import io
import re
import zipfile
from collections.abc import Mapping

from tirta.errors import TirtaError

MAX_FILES = 400
_NAME = re.compile(r"(?:[a-z][a-z0-9_]{0,31}/){0,3}[a-z_][a-z0-9_]{0,31}\.(?:mpy|json)")
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)")  # names that Windows takes for devices
_EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(files: Mapping[str, bytes]) -> bytes:
    """Pack these files; the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
    return out.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """Unpack the files in an archive, by path. Raises TirtaError."""
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_FILES:
                raise refused(f"it has {len(entries)} entries")
            for entry in entries:
                _check_entry(entry, len(data))
                if entry.filename in files:
                    raise refused(f"{entry.filename!r} is in it twice")
                files[entry.filename] = archive.read(entry)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError) as error:
        raise refused(f"it is no whole ZIP archive ({error})") from error
    except RuntimeError as error:  # zipfile's word for encrypted entries
        raise refused("an entry is encrypted") from error
    return files


def _check_entry(entry: zipfile.ZipInfo, size: int) -> None:
    name = entry.filename
    if not _NAME.fullmatch(name) or any(
        _DEVICES.fullmatch(p.split(".")[0]) for p in name.split("/")
    ):
        raise refused(f"no file may be called {name!r}")
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
        raise refused(f"{name} is compressed: bundles hold files as they are")
    if entry.file_size > size:
        raise refused(f"{name} says that it has {entry.file_size} bytes")


def refused(why: str) -> TirtaError:
    """Make the error for a bundle that breaks a rule."""
    return TirtaError(
        f"The bundle is refused: {why}.",
        "Nothing was changed. Get it again from where it was published.",
    )
