#!/usr/bin/env bash
# The main job from start to end on this machine, with folders of its own: nothing outside them is touched and nothing stays.
# Each step checks what it shows; the exit code is 0 only when all of it was seen.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "the demo starts containers and needs root" >&2; exit 1; }
bin=$PWD/artifacts/bin
home=$(mktemp -d /tmp/podagent-demo.XXXXXX)
manifests=$home/etc
mkdir -p "$manifests"
flags=(--manifest-dir "$manifests" --root-dir "$home/lib" --run-dir "$home/run" --log-dir "$home/log" --socket "$home/run/podagent.sock"
       --cgroup-root "podagent-demo-$$" --node-name demo)
agent=
# A killed agent would leave the runtime's debugging pipes in the temporary folder.

podctl() { "$bin/podctl" --socket "$home/run/podagent.sock" "$@"; }
say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
show() { printf '\033[2m$ %s\033[0m\n' "$*"; "$@"; }
die() { echo "the demo did not see what it should: $*" >&2; tail -n 30 "$home/agent.log" >&2; exit 1; }

start_agent() {
  # The daemon says READY=1 on this socket when it serves, as it does to systemd.
  socat -u "UNIX-RECVFROM:$home/notify" STDOUT >"$home/ready" 2>/dev/null &
  local waiter=$!
  until [ -S "$home/notify" ]; do :; done
  NOTIFY_SOCKET=$home/notify "$bin/podagent" "${flags[@]}" >>"$home/agent.log" 2>&1 &
  agent=$!
  wait "$waiter" || die "the agent did not say READY=1"
  grep -q READY=1 "$home/ready" || die "the agent did not say READY=1"
  rm -f "$home/notify"
}

# wait_row REGEX: reads the pods' watch until a row matches, and prints that row
wait_row() {
  local line fd watcher seen=
  exec {fd}< <(exec timeout 60 "$bin/podctl" --socket "$home/run/podagent.sock" get pods -w --no-headers 2>/dev/null)
  watcher=$!
  while read -r line <&"$fd"; do
    if [[ $line =~ $1 ]]; then seen=$line; break; fi
  done
  kill "$watcher" 2>/dev/null || true
  exec {fd}<&-
  [ -n "$seen" ] || die "no row matched '$1'"
  echo "  $seen"
}

container_id() { podctl get pod "$1" -o json | jq -r --arg name "$2" '.status.containerStatuses[] | select(.name == $name).containerID' | cut -d/ -f3; }
container_pids() { cat "$(find "$(findmnt -rnt cgroup2 -o TARGET | head -n 1)/podagent-demo-$$" -type d -name "$1" | head -n 1)/cgroup.procs" | sort -n; }
put() { cat >"$home/$1.tmp"; mv "$home/$1.tmp" "$manifests/$1"; }

finish() {
  local code=$?
  if [ $code -ne 0 ] && [ -n "$agent" ] && kill -0 "$agent" 2>/dev/null; then
    rm -f "$manifests"/*
    timeout 60 "$bin/podagent" leaks "${flags[@]}" >/dev/null 2>&1 || true
    kill "$agent" 2>/dev/null || true
    wait "$agent" 2>/dev/null || true
    "$bin/podagent" leaks --remove "${flags[@]}" >&2 || true
  fi
  rm -rf "$home"
  exit $code
}
trap finish EXIT

say "an image, made on the spot by umoci from Debian's static busybox"
umoci init --layout "$home/image" >/dev/null
umoci new --image "$home/image:1" >/dev/null
umoci unpack --image "$home/image:1" "$home/unpacked" >/dev/null 2>&1
mkdir -p "$home/unpacked/rootfs/"{bin,tmp,etc}
cp "$(command -v busybox)" "$home/unpacked/rootfs/bin/busybox"
for applet in $(busybox --list); do [ "$applet" = busybox ] || ln -s busybox "$home/unpacked/rootfs/bin/$applet"; done
echo 'root:x:0:0:root:/:/bin/sh' >"$home/unpacked/rootfs/etc/passwd"
umoci repack --image "$home/image:1" "$home/unpacked" >/dev/null 2>&1
umoci config --image "$home/image:1" --config.cmd sh --config.env PATH=/bin

say "the agent starts"
start_agent
show podctl version
show podctl image load "$home/image" --name localhost/busybox:1
show podctl image ls

say "a pod of two containers: a web server, and a writer that shares its network, its IPC and a folder"
put web.yaml <<'YAML'
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: { app: web }
spec:
  terminationGracePeriodSeconds: 5
  volumes:
  - name: pages
    emptyDir: {}
  containers:
  - name: server
    image: localhost/busybox:1
    command: [sh, -c, "echo serving on 8080; trap 'exit 0' TERM; httpd -f -v -p 8080 -h /pages & wait"]
    ports:
    - containerPort: 8080
    volumeMounts:
    - { name: pages, mountPath: /pages }
    # Ready once the page is there, and asked every second whether it still answers.
    readinessProbe: { httpGet: { path: /index.html, port: 8080 }, periodSeconds: 1 }
    livenessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 }
    resources:
      limits: { cpu: 500m, memory: 64Mi }
  - name: writer
    image: localhost/busybox:1
    command: [sh, -c, "echo hello from the writer > /pages/index.html; trap 'exit 0' TERM; while :; do sleep 1 & wait; done"]
    volumeMounts:
    - { name: pages, mountPath: /pages }
YAML
wait_row '^web +2/2 +Running'
show podctl get pods -o wide

say "one container talks to the other over localhost"
page=$(podctl exec web -c writer -- wget -qO- http://localhost:8080/)
echo "$page"; [ "$page" = "hello from the writer" ] || die "the page"
for ns in net ipc uts; do
  a=$(podctl exec web -c server -- readlink /proc/self/ns/$ns) b=$(podctl exec web -c writer -- readlink /proc/self/ns/$ns)
  echo "  $ns namespace: server $a, writer $b, host $(readlink /proc/self/ns/$ns)"
  [ "$a" = "$b" ] && [ "$a" != "$(readlink /proc/self/ns/$ns)" ] || die "shared $ns namespace"
done
podctl exec web -c server -- sh -c 'echo over shared memory > /dev/shm/note'
note=$(podctl exec web -c writer -- cat /dev/shm/note)
echo "  /dev/shm: $note"; [ "$note" = "over shared memory" ] || die "shared memory"
[ "$(podctl exec web -c server -- sh -c 'cat /proc/1/comm; exit 7' || echo $?)" = $'sh\n7' ] || die "exec's exit code"
show podctl logs web -c server
podctl logs web -c server | grep -q 'serving on 8080' || die "the logs"

say "its server is killed: it alone comes back, RESTARTS 1"
server=$(container_id web server)
writer=$(container_pids "$(container_id web writer)" | head -n 1)
kill -9 "$(container_pids "$server" | head -n 1)"
wait_row '^web +2/2 +Running +1'
kill -0 "$writer" || die "the other container was touched"
show podctl describe pod web

say "pods that end: Succeeded, Failed, and one that crashes again and again"
for kind in good:Never:'echo done; exit 0' bad:Never:'echo broken >\&2; exit 3' crash:Always:'echo crashing; exit 1'; do
  IFS=: read -r name policy script <<<"$kind"
  put "$name.yaml" <<YAML
apiVersion: v1
kind: Pod
metadata: { name: $name }
spec:
  restartPolicy: $policy
  containers:
  - name: main
    image: localhost/busybox:1
    command: [sh, -c, "${script//\\/}"]
YAML
done
wait_row '^good +0/1 +Completed'
wait_row '^bad +0/1 +Error'
wait_row '^crash +0/1 +CrashLoopBackOff'
[ "$(podctl get pod good -o json | grep -c '"phase": "Succeeded"')" = 1 ] || die "phase Succeeded"
[ "$(podctl get pod bad -o json | grep -c '"phase": "Failed"')" = 1 ] || die "phase Failed"
show podctl get pods

say "a broken manifest is refused with its line, and what runs goes on"
sed 's/emptyDir: {}/emptyDir: {}\n    sizeLimit: 5/; s/  containers:/\tcontainers:/' "$manifests/web.yaml" >"$home/broken.yaml"
show podctl validate "$home/broken.yaml" && die "the broken manifest was taken" || true
cp "$home/broken.yaml" "$home/w.tmp" && mv "$home/w.tmp" "$manifests/web.yaml"
sed '/^ *resources:/,/^ *limits:/d; s/- containerPort: 8080/- containerPort: eighty/' "$manifests/good.yaml" >/dev/null
show podctl get pods
kill -0 "$writer" || die "a broken edit touched the running pod"

say "the agent is killed and started again under the running pods"
kill -9 "$agent"; wait "$agent" 2>/dev/null || true
kill -0 "$writer" || die "a container died with the agent"
start_agent
wait_row '^web +2/2 +Running +1'
[ "$(container_pids "$(container_id web writer)" | head -n 1)" = "$writer" ] || die "the container's pid changed"
echo "  same pid $writer, no restart counted"

say "the manifests go, and everything goes with them"
rm "$manifests"/*
while [ "$(podctl get pods --no-headers 2>/dev/null | wc -l)" != 0 ]; do wait_change=$(timeout 5 "$bin/podctl" --socket "$home/run/podagent.sock" get pods -w --no-headers 2>/dev/null | head -n 1) || true; done
show podctl get pods
kill "$agent"; wait "$agent" || die "the agent did not end cleanly"
show "$bin/podagent" leaks "${flags[@]}"
echo
echo "demo: all seen"
