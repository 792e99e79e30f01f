#!/usr/bin/env bash
# A cluster on this machine with the manager in it, and one user signed up: what the project's tests
# cannot try without a kubelet. Needs docker, kind and kubectl.
#
#   k8s/kind.sh up      the cluster, both images, the manager, its keys
#   k8s/kind.sh try     signs a user up, stores a memory, changes the tier, backs up, loses the
#                       namespace, deletes, brings back: the memory is there each time
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

# ask METHOD PATH [BODY]: a request to the manager.
ask() {
  curl --silent --show-error --fail-with-body --request "$1" "http://127.0.0.1:18080$2" \
    --header "Authorization: Bearer $(<"$keys/operator")" \
    ${3:+--header "Content-Type: application/json" --data "$3"}
}

# settled: waits until nothing is under way for ada, and prints how that ended.
settled() {
  local state
  for _ in $(seq 150); do
    state=$(ask GET /users/ada || true)
    if [[ $state == *'"operation":null'* || $state == *'"purge_at":"'* ]]; then
      echo "$state"
      return
    fi
    sleep 2
  done
  echo "Cannot go on: something is still under way: $state" >&2
  return 1
}

# brain METHOD PATH [BODY]: a request to ada's brain, from within the cluster's network.
brain() {
  local key
  key=$(kubectl -n user-ada get secret brain-key -o jsonpath='{.data.key}' | base64 -d)
  kubectl -n user-ada port-forward service/brain 18000:8000 >/dev/null &
  local forward=$!
  sleep 2
  curl --silent --show-error --fail-with-body --request "$1" "http://127.0.0.1:18000$2" \
    --header "Authorization: Bearer $key" \
    ${3:+--header "Content-Type: application/json" --data "$3"}
  kill "$forward"
}

# From pro to free, not the other way: kind's volumes cannot grow, and a smaller tier leaves them.
try() {
  need kubectl && need curl
  kubectl -n second-brain port-forward service/brain-manager 18080:8080 >/dev/null &
  local forward=$!
  # shellcheck disable=SC2064
  trap "kill $forward" EXIT
  sleep 2
  echo "== sign up" && ask PUT "/users/ada?wait=60" '{"tier":"pro"}' && settled
  kubectl -n user-ada get pod brain-0 -o jsonpath='{.status.qosClass}{"\n"}'
  echo "== a memory" && brain POST /memories '{"content":"the fence gets cedar posts"}'
  echo "== another tier, in place where the server can"
  ask POST "/users/ada/tier?wait=60" '{"tier":"free"}' && settled
  kubectl -n user-ada get pod brain-0 -o jsonpath='{.status.containerStatuses[0].resources}{"\n"}'
  echo "== a backup" && ask POST "/users/ada/backups?wait=60" '{"method":"export"}' && settled
  echo "== somebody deletes the namespace"
  local before
  before=$(kubectl get namespace user-ada -o jsonpath='{.metadata.uid}')
  kubectl delete namespace user-ada --wait=false
  for _ in $(seq 150); do
    [[ $(kubectl get namespace user-ada -o jsonpath='{.metadata.uid}' 2>/dev/null) != "$before" ]] &&
      kubectl -n user-ada wait --for=condition=Ready pod/brain-0 --timeout=5s 2>/dev/null && break
    sleep 2
  done
  brain GET "/memories?limit=1"
  echo "== deleted, and brought back" && ask DELETE "/users/ada?wait=60" && settled
  ask POST "/users/ada/undelete?wait=60" && settled
  brain GET "/memories?limit=1"
}

case "${1:-}" in
  up) up ;;
  try) try ;;
  down) need kind && kind delete cluster --name "$cluster" ;;
  *) sed -n '2,8p' "$0" | sed 's/^# \{0,1\}//' && exit 64 ;;
esac
