#!/bin/sh
# serve or work, as process 1 so that it gets the signals.
app=$(cd "$(dirname "$0")/.." && pwd)
case "$1" in
  serve | work) command=$1; shift; exec "$app/node_modules/.bin/node" --max-semi-space-size=4 "$app/src/cli/$command.ts" "$@" ;;
  *) exec "$@" ;;
esac
