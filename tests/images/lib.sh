# Read by every recipe beside it. A recipe runs as root in an empty folder, with REGISTRY (host:port, plain http) set and, if it begins with another image, BASE
# (the layout of that). It makes the OCI layout "image" with a tag "1" and pushes that; what else it pushes is its own matter.
set -eu
NAME=$(basename "$0" .sh)

# new [TAG]: an image without layers
new() {
  [ -d image ] || umoci init --layout image
  umoci new --image "image:${1:-1}"
  umoci config --image "image:${1:-1}" --config.cmd /bin/sh --config.env PATH=/bin:/usr/bin:/sbin:/usr/sbin
}

# layer TAR [TAG]: another layer on top
layer() { umoci raw add-layer --image "image:${2:-1}" "$1"; }

# pack FOLDER TAR [tar's options]: by GNU tar, with everything that a file has
pack() {
  folder=$1 archive=$2
  shift 2
  tar -C "$folder" --format=posix --xattrs --xattrs-include='*' --numeric-owner --sort=name "$@" -cf "$archive" .
}

# push TAG [skopeo's options]
push() {
  tag=$1
  shift
  skopeo copy -q --dest-tls-verify=false "$@" oci:image:1 "docker://$REGISTRY/test/$NAME:$tag"
}

# mirror SUITE FALLBACK: where this machine gets its Debian packages from, if it is a Debian
mirror() {
  uri=$(apt-get indextargets --format '$(REPO_URI)' "Suite: $1" 2>/dev/null | head -n 1)
  [ -n "$uri" ] || uri=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $1" 2>/dev/null | head -n 1)
  echo "${uri:-$2}"
}

# debs PACKAGE...: downloads packages as NAME_*.deb
debs() { apt-get -q download "$@" >&2; }
