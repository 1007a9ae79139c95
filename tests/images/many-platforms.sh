#!/bin/sh
# An index of four images, of which each says in /platform which one it is; as an OCI index and as docker's manifest list.
. "$(dirname "$0")/lib.sh"
# platform ARCHITECTURE TAG
platform() {
  mkdir -p "tree-$2"
  echo "$2" > "tree-$2/platform"
  pack "tree-$2" "$2.tar"
  new "$2"
  layer "$2.tar" "$2"
  umoci config --image "image:$2" --architecture "$1" --os linux
}
# entry TAG PLATFORM: the descriptor of one of them
entry() { jq -c --arg tag "$1" --argjson platform "$2" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $tag) | del(.annotations) + {platform: $platform}' image/index.json; }
platform s390x s390x
platform arm armv7
platform arm64 arm64
platform amd64 amd64
jq -n --argjson a "$(entry s390x '{"os":"linux","architecture":"s390x"}')" \
  --argjson b "$(entry armv7 '{"os":"linux","architecture":"arm","variant":"v7"}')" \
  --argjson c "$(entry arm64 '{"os":"linux","architecture":"arm64","variant":"v8"}')" \
  --argjson d "$(entry amd64 '{"os":"linux","architecture":"amd64"}')" \
  '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [$a, $b, $c, $d]}' > list.json
digest=$(sha256sum list.json | cut -c1-64)
cp list.json "image/blobs/sha256/$digest"
jq --arg digest "sha256:$digest" --argjson size "$(stat -c %s list.json)" '.manifests += [{mediaType: "application/vnd.oci.image.index.v1+json", digest: $digest, size: $size,
  annotations: {"org.opencontainers.image.ref.name": "1"}}]' image/index.json > index.json
mv index.json image/index.json
push 1 --all
push docker --all --format v2s2
