#!/bin/sh
# Brings the service to production. For whoever is on duty, after a review.
set -eu
cd "$(dirname "$0")/.."
docker compose -f deploy/docker-compose.prod.yml up -d --build
