#!/usr/bin/env bash
# Puts an image of the bot in service on this machine, and the one before back where the new one does not become ready.
#
#     update.sh IMAGE [FOLDER]
#
# FOLDER has compose.yaml and .env, and gets image.env, which names the image in service, and backups/. It ends with 0
# where IMAGE is in service, 1 where the one before is again, 2 where neither is ready.
set -euo pipefail

image=${1:?which image?}
cd "${2:-/opt/indiean}"
tries=${TRIES:-60} pause=${PAUSE:-2}
kept=14

say() { printf '%s %s\n' "$(date -u +%FT%TZ)" "$*"; }

# Compose reads what it is run with from its standard input, and this script may be read from there.
compose() { docker compose --env-file .env --env-file image.env "$@" < /dev/null; }

chosen() { sed -n 's/^BOT_IMAGE=//p' image.env; }

choose() {
  printf 'BOT_IMAGE=%s\n' "$1" > image.env.new
  mv image.env.new image.env
}

ready() {
  for ((try = 1; try <= tries; try++)); do
    # shellcheck disable=SC2016 # the variable is the container's
    if compose exec -T bot sh -c 'python -m bot.probe "http://127.0.0.1:${INDIEAN_WEB_PORT}/readyz"'; then
      return 0
    fi
    sleep "${pause}"
  done
  return 1
}

serve() {
  choose "$1"
  compose up --detach --no-build --wait --wait-timeout 180 bot && ready
}

# What a newer version has made of the tables, an older one refuses: the way back may lead through this file.
back_up() {
  if [ -z "$(compose ps --quiet db)" ]; then
    return 0
  fi
  mkdir -p -m 0700 backups
  backup="backups/$(date -u +%Y%m%dT%H%M%SZ).dump"
  compose exec -T db pg_dump --username indiean --format custom indiean > "${backup}.part"
  mv "${backup}.part" "${backup}"
  find backups -name '*.dump' | sort -r | tail -n "+$((kept + 1))" | xargs -r rm
}

[ -e image.env ] || choose ""
before=$(chosen)
backup=""

docker pull --quiet "${image}" < /dev/null
back_up
if serve "${image}"; then
  say "${image} is in service"
  exit 0
fi

say "${image} does not become ready"
compose logs --no-color --tail 50 bot || true
if [ -n "${before}" ] && serve "${before}"; then
  say "${before} is in service again"
  exit 1
fi
say "nothing is in service; the database as it was before: ${backup:-there was none here}"
exit 2
