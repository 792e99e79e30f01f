#!/usr/bin/env bash
# A cluster on this machine with the manager in it, and one user signed up: what the project's tests
# cannot try without a kubelet. Needs docker, kind and kubectl.
#
#   k8s/kind.sh up      the cluster, both images, the manager, its keys
#   k8s/kind.sh try     signs a user up, stores a memory, upgrades, backs up, deletes, brings back
#   k8s/kind.sh down    takes the cluster away
set -euo pipefail
cd "$(dirname "$0")/.."

readonly cluster=second-brain
readonly version=0.1.0
readonly keys=.tools/kind-keys

need() {
  command -v "$1" >/dev/null || { echo "Cannot go on: $1 is not installed" >&2; exit 69; }
}

up() {
  need docker && need kind && need kubectl
  kind get clusters | grep -qx "$cluster" || kind create cluster --name "$cluster" --wait 120s
  docker build -t "second-brain:$version" .
  docker build --target manager -t "second-brain-manager:$version" .
  kind load docker-image --name "$cluster" "second-brain:$version" "second-brain-manager:$version"
  kubectl apply -k k8s/overlays/dev
  secrets
  kubectl -n second-brain rollout status deployment/brain-manager --timeout=180s
  echo "The manager's key is in $keys/operator."
}

# Made once, and kept out of git, so that `up` can be run again.
secrets() {
  mkdir -p "$keys"
  chmod 700 "$keys"
  if [[ ! -s $keys/operator ]]; then
    (umask 077 && head -c 32 /dev/urandom | base64 | tr -d '\n=+/' >"$keys/operator")
    (umask 077 && head -c 32 /dev/urandom | base64 | tr -d '\n' >"$keys/backup")
  fi
  local sum
  sum=$(printf %s "$(<"$keys/operator")" | sha256sum | cut -d' ' -f1)
  kubectl -n second-brain create secret generic brain-manager-keys --dry-run=client -o yaml \
    --from-literal=keys.json='{"keys":[{"name":"operator","sha256":"'"$sum"'","scopes":["admin"]}]}' |
    kubectl apply -f -
  kubectl -n second-brain create secret generic brain-manager-backup-keys --dry-run=client -o yaml \
    --from-file=keys="$keys/backup" |
    kubectl apply -f -
}

# ask METHOD PATH [BODY]: a request to the manager, through the API server.
ask() {
  curl --silent --show-error --fail-with-body --request "$1" "http://127.0.0.1:18080$2" \
    --header "Authorization: Bearer $(<"$keys/operator")" \
    ${3:+--header "Content-Type: application/json" --data "$3"}
  echo
}

try() {
  need kubectl && need curl
  kubectl -n second-brain port-forward service/brain-manager 18080:8080 >/dev/null &
  local forward=$!
  # shellcheck disable=SC2064
  trap "kill $forward" EXIT
  sleep 2
  ask PUT "/users/ada?wait=60" '{"tier":"free"}'
  kubectl -n user-ada wait --for=condition=Ready pod/brain-0 --timeout=180s
  kubectl -n user-ada get pod brain-0 -o jsonpath='{.status.qosClass}{"\n"}'
  ask POST "/users/ada/tier?wait=60" '{"tier":"pro"}'
  kubectl -n user-ada get pod brain-0 \
    -o jsonpath='{.status.containerStatuses[0].resources}{"\n"}'
  ask POST "/users/ada/backups?wait=60" '{"method":"export"}'
  kubectl delete namespace user-ada --wait=false
  kubectl -n user-ada wait --for=condition=Ready pod/brain-0 --timeout=300s ||
    echo "It is not back yet: see GET /users/ada"
  ask DELETE "/users/ada?wait=60"
  ask POST "/users/ada/undelete?wait=60"
  ask GET /users/ada
}

case "${1:-}" in
  up) up ;;
  try) try ;;
  down) need kind && kind delete cluster --name "$cluster" ;;
  *) sed -n '2,8p' "$0" | sed 's/^# \{0,1\}//' && exit 64 ;;
esac
