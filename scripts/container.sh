#!/bin/sh
# Any command of Bulkhead, or a program by its path, as process 1 so that it gets the signals.
app=$(cd "$(dirname "$0")/.." && pwd)
case "$1" in
  /* | node | sh) exec "$@" ;;
  *) exec node --max-semi-space-size=4 "$app/src/cli/bulkhead.ts" "$@" ;;
esac
