# shellcheck shell=bash
# Sourced by the scripts of this folder: moves to the root of the tree and
# offers `say` and `quietly`. Answers --help with the comment that the script
# begins with; otherwise prints nothing by itself.
set -euo pipefail
script=$(realpath -- "$0")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export HOME="${HOME:-/root}" # ccache keeps its files there
# What one checkout compiled serves the others.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

case ${1-} in
  -h | --help)
    awk 'NR == 1 || /^# shellcheck/ { next } !/^#/ { exit }
      { sub(/^# ?/, ""); print }' "$script"
    exit
    ;;
esac

say() { printf '%s: %s\n' "${0##*/}" "$*"; }

# quietly NAME COMMAND...: the output goes to build/log/NAME, and to the screen
# only when the command fails.
quietly() {
  local log=build/log/$1
  shift
  mkdir -p build/log
  "$@" >"$log" 2>&1 </dev/null && return
  local status=$?
  cat "$log" >&2
  say "failed: $*" >&2
  return "$status"
}
