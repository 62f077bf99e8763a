# Sourced once by the image's entry point, when there is no data yet: a role and a database for the
# registry, and for the monitor's outcomes.
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --file /run/secrets/databases.sql --file /run/secrets/passwords.sql
