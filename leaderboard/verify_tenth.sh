#!/usr/bin/env bash
# Run a tenth of the records of leaderboard/results again, each anew, and write what was found as reproductions.
#
#   leaderboard/verify_tenth.sh AUTOPHAGY [TEXT]
#
# Chance draws the tenth: those whose cell id, a hash, divides by ten (its first eight digits, which end the file's name). TEXT
# is what the file's name begins with (digits-ddpm), all records where it is left out. What has a reproduction is skipped. On
# one thread, as boards.sh; two at once, or WORKERS. Exit status 1 where one does not agree or could not be run.
set -euo pipefail
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "verify_tenth.sh: give the path of autophagy, and what the records begin with or nothing" >&2
    exit 2
fi
autophagy=$(realpath "$1")
begins=${2:-}
cd "$(dirname "$0")/.."
if ! compgen -G "leaderboard/results/$begins*.json" >/dev/null; then
    echo "verify_tenth.sh: no record in leaderboard/results begins with '$begins'" >&2
    exit 2
fi

# Print the records of the tenth that have no reproduction.
drawn() {
    local record id
    for record in leaderboard/results/"$begins"*.json; do
        id=${record%.json}
        id=${id##*-}
        if ((16#$id % 10 == 0)) && ! compgen -G "leaderboard/reproductions/$id*" >/dev/null; then
            echo "$record"
        fi
    done
}

runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
export OMP_NUM_THREADS=1
drawn | xargs -r -P "${WORKERS:-2}" -I{} \
    "$autophagy" verify {} --device cpu --by maintainers --runs "$runs" || exit 1
