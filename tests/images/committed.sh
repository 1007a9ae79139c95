#!/bin/sh
# A container's changes as podman writes them down from its overlay: opaque folders, whiteouts, links, renames, attributes.
. "$(dirname "$0")/lib.sh"
# Sockets under it make podman refuse a folder with a long name.
home=$(mktemp -d /tmp/podman.XXXXXX)
trap 'rm -rf "$home"' EXIT
cat > pod <<END
#!/bin/sh
exec podman --root "$home/storage" --runroot "$home/run" --storage-driver overlay --cgroup-manager cgroupfs --events-backend file --log-level error "\$@"
END
chmod +x pod
mkdir -p base/bin base/etc/app base/var/cache/old base/srv/deep/er base/tmp
cp /bin/busybox base/bin/busybox; ln base/bin/busybox base/bin/sh; cp /bin/busybox base/bin/ping
for i in 1 2 3 4 5; do echo $i > base/etc/app/$i; echo $i > base/var/cache/old/$i; echo $i > base/srv/deep/er/$i; done
chmod 1777 base/tmp
pack base base.tar
./pod import -q base.tar localhost/base:1 >&2
container=$(./pod create localhost/base:1 /bin/sh)
# Mounted in a namespace of its own, so that nothing stays mounted when this is cut short.
unshare -m --propagation private -- /bin/sh -euc '
  root=$(./pod mount "$1")
  rm -r "$root/var/cache/old"; mkdir "$root/var/cache/old"; echo new > "$root/var/cache/old/new"
  rm -r "$root/srv/deep"; mkdir -p "$root/srv/deep/er"; echo 3 > "$root/srv/deep/er/3"
  rm "$root/etc/app/2"; echo changed > "$root/etc/app/3"; chmod 600 "$root/etc/app/4"; chown 33:33 "$root/etc/app/5"
  rm "$root/etc/app/1"; mkdir "$root/etc/app/1"; echo in > "$root/etc/app/1/in"
  ln "$root/etc/app/3" "$root/etc/linked"; mv "$root/bin/ping" "$root/bin/moved"
  setcap cap_net_raw=ep "$root/bin/moved"; setfattr -n user.note -v hello "$root/etc/app"
  ln -s ../nowhere "$root/etc/dangling"; mkfifo "$root/tmp/fifo"
  ./pod umount "$1" >&2
' sh "$container" >&2
./pod commit -q -f oci "$container" localhost/committed:1 >&2
./pod push -q --tls-verify=false localhost/committed:1 "$REGISTRY/test/$NAME:1" >&2
skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/test/$NAME:1" oci:image:1
./pod rm -f "$container" >&2
