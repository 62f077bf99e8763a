#!/bin/sh
# What `make up` ends with: where everything answers, and how to get at the keys.
compose=${1:-docker compose}
address() { echo "http://$($compose port "$1" "$2" 2>/dev/null)"; }

cat <<TEXT

Understudy is up.
  serving       $(address serving 8700)   forms: /iris/form and /credit-risk/form once the example is loaded
  registry      $(address registry 8701)
  monitor       $(address monitor 8702)
  Prometheus    $(address prometheus 9090)
  Alertmanager  $(address alertmanager 9093)

The administrator's key:   $compose exec registry cat /run/secrets/understudy_admin_key
The command line:          $compose run --rm --no-deps example understudy.cli status
The example:               $compose run --rm example   (what it calls serving:8700, a browser has above)
Stop it, data stays:       make down
TEXT
