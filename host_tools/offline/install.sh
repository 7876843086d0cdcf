#!/bin/sh
# SPDX-License-Identifier: MIT
# Install Tirta from this folder, or bring an installation up to date. Needs Python 3.11 or newer, no network.
# Memasang Tirta dari map ini, atau memperbaruinya. Perlu Python 3.11 atau lebih baru, tanpa jaringan.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
home=${TIRTA_HOME:-"$HOME/.local/share/tirta/venv"}
bin=${TIRTA_BIN:-"$HOME/.local/bin"}
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "Tirta needs Python 3.11 or newer. Say which: PYTHON=python3.12 ./install.sh" >&2
    exit 1
}
if command -v sha256sum >/dev/null; then
    (cd "$here" && sha256sum --check --quiet SHA256SUMS) || {
        echo "This folder is damaged: copy it to the stick again. Nothing was changed." >&2
        exit 1
    }
fi
"$python" -m venv "$home" || {
    echo "This Python cannot make environments. On Debian and Ubuntu: sudo apt install python3-venv" >&2
    exit 1
}
extras=query,fast
"$home/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --find-links "$here/wheels" \
    --upgrade "tirta[$extras]" || {
    echo "This folder has no wheels for this system and $("$python" --version): make it again with that target." >&2
    exit 1
}
mkdir -p "$bin"
ln -sf "$home/bin/tirta" "$bin/tirta"
"$home/bin/tirta" --version
case ":$PATH:" in
*":$bin:"*) ;;
*) echo "Add $bin to your PATH, or call $bin/tirta." ;;
esac
