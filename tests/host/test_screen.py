# SPDX-License-Identifier: MIT
"""The checker of the README's screens tells a changed word from a changed number."""

from pathlib import Path

from screen import screens, shape

DOCUMENT = """
Text.

```console
$ tirta config check absent.toml
tirta: Cannot read the config absent.toml: No such file or directory.
  Check the path.
$ tirta --version
tirta 9.9.9
```
"""


def test_commands_and_their_output_are_found_and_run(tmp_path: Path) -> None:
    first, second = screens(DOCUMENT)
    assert first.command == "tirta config check absent.toml"
    assert shape(first.run(tmp_path)) == shape(first.shown)
    assert shape(second.run(tmp_path)) == shape(second.shown) == ["tirta N"]


def test_numbers_ids_and_ports_may_differ_words_may_not() -> None:
    old = "12 new records, 0 to 11 from node 022a97516c35 in 1.5 s on /dev/pts/3"
    new = "9,999 new records, 7 to 5 from node 029b828d5340 in 0.2 s on /dev/ttyUSB0"
    assert shape(old) == shape(new)
    assert shape(old) != shape(new.replace("new", "old"))
    assert shape(old) != shape(new + "\nmore")
