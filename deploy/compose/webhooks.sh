#!/bin/sh
# What needs the running tenant service: its webhooks, reached by URL instead of by Service, and then resources that they watch over.
set -eu

apply() { kubectl apply --server-side --force-conflicts --field-manager=tenantry-dev -f "$1"; }

sed 's#{service: {.*path: \(/[a-z]*\)}}#{url: "https://127.0.0.1:7443\1"}#' /deploy/webhooks/tenant.yaml | apply -
# Refused until the service answers.
until apply /deploy/dev/manifests/custom; do sleep 1; done
