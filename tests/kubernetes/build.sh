#!/usr/bin/env bash
# A real kube-apiserver, kube-controller-manager and etcd for the tests, from what this machine's own
# Debian sources hold: kubernetes 1.20.2 is built from its source package with golang-1.19 (two waiting
# times are shortened), etcd is taken out of its package. Nothing is installed, and no setting of the
# machine is changed. The result lies in a cache folder; where it is there already, nothing is done. It
# is made beside that folder and renamed at the end, so that a build that broke leaves nothing.
#
#     tests/kubernetes/build.sh            # says where it is; any failure says why, and exits 1
#     SECOND_BRAIN_TEST_CACHE=… tests/kubernetes/build.sh
set -euo pipefail

readonly version=1.20.2
readonly binaries=(kube-apiserver kube-controller-manager etcd)
repository=$(cd "$(dirname "$0")/../.." && pwd)
home_cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
cache=${SECOND_BRAIN_TEST_CACHE:-${home_cache:+$home_cache/second-brain-tests}}
cache=${cache:-$repository/.tools/second-brain-tests}
readonly target=$cache/kubernetes-$version

fail() {
  printf 'Cannot build kube-apiserver %s: %s\n' "$version" "$*" >&2
  exit 1
}

is_there() {
  local name
  for name in "${binaries[@]}"; do [[ -x $target/$name ]] || return 1; done
}

if is_there; then
  printf 'kube-apiserver %s is there: %s\n' "$version" "$target"
  exit 0
fi

for command in apt-get dpkg-deb tar gzip sed; do
  command -v "$command" >/dev/null || fail "there is no $command here; it needs Debian"
done
mkdir -p "$cache" || fail "no folder can be made at $cache"
# What a build that was killed outright has left.
find "$cache" -maxdepth 1 -name '.making-*' -mmin +60 -exec rm -rf {} +
work=$(mktemp -d "$cache/.making-XXXXXX") || fail "no folder can be made in $cache"
readonly work
trap 'rm -rf "$work"' EXIT
free_kib=$(df -Pk "$work" | awk 'NR == 2 { print $4 }')
((free_kib > 4 * 1024 * 1024)) || fail "$cache has $((free_kib / 1024)) MiB of free space; it takes 4 GiB"

# The machine's own sources, and the same again for source packages, in lists of our own.
sources() {
  local parts=$work/sources file name
  mkdir -p "$parts"
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [[ -s $file ]] || continue
    name=$(basename "$file")
    cp "$file" "$parts/binary-$name"
    sed -E -e 's/^Types:.*/Types: deb-src/' -e 's/^deb[[:space:]]/deb-src /' "$file" >"$parts/source-$name"
    [[ $name == sources.list ]] && mv "$parts/binary-$name" "$parts/binary.list" &&
      mv "$parts/source-$name" "$parts/source.list"
  done
  [[ -n $(ls -A "$parts") ]] || fail "no package sources are configured on this machine"
}

apt() {
  (cd "$work/packages" && apt-get -qq -o Dir::Etc::SourceList=/dev/null \
    -o "Dir::Etc::SourceParts=$work/sources" -o "Dir::State::Lists=$work/lists" \
    -o "Dir::Cache=$work/cache" -o APT::Sandbox::User= -o Acquire::Retries=2 \
    -o Acquire::Languages=none "$@") >"$work/apt.log" 2>&1 || {
    tail -n 3 "$work/apt.log" >&2
    fail "apt-get $* failed"
  }
}

fetch() {
  mkdir -p "$work"/{lists/partial,cache/archives/partial,packages,root,go/src/k8s.io/kubernetes}
  sources
  apt update
  apt --download-only source kubernetes
  local tarball=("$work"/packages/kubernetes_*"$version".orig.tar.gz)
  [[ -f ${tarball[0]} ]] || fail "these sources have another version of kubernetes"
  apt download golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev etcd-server
}

# Debian's patches are left out: they are about what kubectl prints.
unpack() {
  local package
  for package in "$work"/packages/*.deb; do dpkg-deb -x "$package" "$work/root"; done
  tar -xzf "$work"/packages/kubernetes_*.orig.tar.gz -C "$source" --strip-components=1
  # The one that is vendored reads a layout of maps that Go 1.18 has changed.
  rm -rf "$source/vendor/github.com/modern-go/reflect2"
  cp -r "$work/root/usr/share/gocode/src/github.com/modern-go/reflect2" "$source/vendor/github.com/modern-go/"
}

# How long the end of a namespace waits for other API servers, and for contents that are slow to go:
# 5 s and 8 s by default. Here there is one API server; what is done stays as it is.
hasten() {
  local file=pkg/controller/namespace/namespace_controller.go
  sed -i -e 's/\(namespaceDeletionGracePeriod = \)5 \* time.Second$/\1100 * time.Millisecond/' \
    -e 's,\(t := estimate.Estimate\)/2 + 1$,\1/1000 + 1,' "$file"
  [[ $(grep -c -e '= 100 \* time.Millisecond$' -e 'Estimate/1000 + 1$' "$file") == 2 ]] ||
    fail "its controller of namespaces is not the one that is known here"
}

# The one generated file that the source package leaves out.
generate_openapi() {
  local inputs
  "$GOROOT/bin/go" build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
  inputs=$(grep -rl --include='*.go' '^// *+k8s:openapi-gen=' staging/src/k8s.io pkg |
    grep -vE '/(code-generator|sample-apiserver)/' | xargs -n1 dirname | LC_ALL=C sort -u |
    sed -e 's#^staging/src/#vendor/#' -e 's#^#k8s.io/kubernetes/#' | paste -sd,)
  PATH=$GOROOT/bin:$PATH "$work/openapi-gen" --logtostderr \
    --go-header-file vendor/k8s.io/code-generator/hack/boilerplate.go.txt \
    --output-file-base zz_generated.openapi --output-package k8s.io/kubernetes/pkg/generated/openapi \
    --report-filename "$work/openapi.report" --input-dirs "$inputs"
}

build() {
  local flags="-s -w" package
  for package in component-base/version client-go/pkg/version; do
    package=k8s.io/kubernetes/vendor/k8s.io/$package
    flags+=" -X $package.gitVersion=v$version -X $package.gitMajor=1 -X $package.gitMinor=20"
  done
  "$GOROOT/bin/go" build -trimpath -ldflags "$flags" -o "$work/result/" \
    ./cmd/kube-apiserver ./cmd/kube-controller-manager
}

readonly source=$work/go/src/k8s.io/kubernetes
begun=$SECONDS
fetch
unpack
# The layout that it was written for: a GOPATH with everything vendored, so that nothing is fetched.
export HOME=$work TMPDIR=$work GOROOT=$work/root/usr/lib/go-1.19 GOPATH=$work/go GOCACHE=$work/go-cache
export GO111MODULE=off GOPROXY=off GOFLAGS=-p=2 GOTOOLCHAIN=local CGO_ENABLED=0
unset GOOS GOARCH GOROOT_FINAL GOBIN GOEXPERIMENT
renice -n 5 $$ >/dev/null 2>&1 || true
cd "$source"
mkdir "$work/result"
hasten
generate_openapi 2>"$work/go.log" || { tail -n 20 "$work/go.log" >&2; fail "its OpenAPI file was not generated"; }
build 2>"$work/go.log" || { tail -n 20 "$work/go.log" >&2; fail "the compiler failed"; }
cp "$work/root/usr/bin/etcd" "$work/result/"
chmod 755 "$work"/result/*
# Somebody else may have been faster; a folder that lacks something is replaced.
is_there || { rm -rf "$target" && mv -T "$work/result" "$target"; }
printf 'kube-apiserver %s was built in %s s: %s\n' "$version" "$((SECONDS - begun))" "$target"
