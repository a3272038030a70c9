#!/bin/sh
# Make $VENV whole and install this project into it, with the extra named as the first argument.
# Called by the Makefile; repeating it is safe, also on a folder that an interrupted run left half-made.
set -eu

extra=$1
venv=${VENV:-.venv}
start=$(date +%s)
recent_enough='import sys; sys.exit(sys.version_info < (3, 11))'

find_python() {
    for candidate in "${PYTHON:-python3}" python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c "$recent_enough" 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    {
        echo "LayerLore needs Python 3.11 or newer; '${PYTHON:-python3}' is: $("${PYTHON:-python3}" --version 2>&1 || true)."
        echo "Install a newer one, or name it: make PYTHON=/path/to/python3.12 ..."
    } >&2
    exit 1
}

if ! "$venv/bin/python" -c "$recent_enough" 2>/dev/null || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    echo "making $venv with $("$python" --version)"
    if ! "$python" -m venv --clear "$venv"; then
        echo "'$python -m venv' failed. On Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    fi
fi

echo "installing layerlore[$extra] and what it needs (the first time this downloads PyTorch)"
# A person wants to see the downloads move; a log does not.
quiet=--quiet
[ -t 1 ] && quiet=
"$venv/bin/python" -m pip install $quiet --disable-pip-version-check -c constraints.txt -e ".[$extra]"
echo "set-up took $(($(date +%s) - start)) s"
