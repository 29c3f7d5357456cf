#!/bin/sh
# Number 0 is the primary, every other one a standby of it: NAME-0 makes a new database, NAME-1 copies that of NAME-0.
# Data that is there already is used as it is, so a killed or moved container goes on where it was.
# Environment: PRIMARY (host name), POSTGRES_PASSWORD, REPLICATION_PASSWORD.
set -eu
number=${HOSTNAME##*-}
slot=standby_$number
umask 077

# A copy or a new database takes its place in one step: what a kill left half made is thrown away.
begin() {
  rm -rf "$PGDATA.new"
}

finish() {
  rm -rf "$PGDATA"
  mv "$PGDATA.new" "$PGDATA"
}

make_primary() {
  begin
  printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
  initdb --pgdata "$PGDATA.new" --username postgres --pwfile /tmp/password --locale C --encoding UTF8 --auth-local peer --auth-host scram-sha-256
  rm /tmp/password
  echo 'host all all all scram-sha-256' >>"$PGDATA.new/pg_hba.conf"
  echo 'host replication replicator all scram-sha-256' >>"$PGDATA.new/pg_hba.conf"
  # Alone with the files, before anyone can connect.
  echo "CREATE ROLE replicator LOGIN REPLICATION PASSWORD '$REPLICATION_PASSWORD'" | postgres --single -D "$PGDATA.new" postgres
  finish
}

ask_primary() {
  PGPASSWORD="$REPLICATION_PASSWORD" psql --quiet --no-align --tuples-only --command "$1" "host=$PRIMARY user=replicator connect_timeout=5 $2"
}

# Its slot makes the primary keep what this standby has not had yet, also while it is away.
make_standby() {
  until pg_isready --quiet --username replicator --host "$PRIMARY"; do sleep 1; done
  ask_primary "CREATE_REPLICATION_SLOT $slot PHYSICAL RESERVE_WAL" replication=true || echo "slot $slot is there already"
  begin
  PGPASSWORD="$REPLICATION_PASSWORD" pg_basebackup --host "$PRIMARY" --username replicator --pgdata "$PGDATA.new" \
    --slot "$slot" --wal-method stream --checkpoint fast --write-recovery-conf
  finish
}

# The primary gave up keeping what this standby would need next: only a new copy helps.
is_left_behind() {
  [ "$(ask_primary "SELECT wal_status FROM pg_replication_slots WHERE slot_name = '$slot'" dbname=postgres)" = lost ]
}

if [ "$number" = 0 ]; then
  [ -e "$PGDATA/PG_VERSION" ] || make_primary
elif [ ! -e "$PGDATA/PG_VERSION" ]; then
  make_standby
elif is_left_behind; then
  ask_primary "DROP_REPLICATION_SLOT $slot" replication=true
  make_standby
fi
chmod 700 "$PGDATA" # a volume given to a group comes back open to it, and PostgreSQL refuses that
exec postgres "$@"
