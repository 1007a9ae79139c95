#!/usr/bin/env bash
# Builds the test machine: a Debian bookworm with systemd, on bookworm's kernel (6.1) or on the one of its backports (6.12).
# usage: tests/vm/build-image.sh 6.1|6.12       prints the folder, which holds vmlinuz, initrd.gz, root.img (raw ext4) and the file version
#
# Images are kept in ${PODAGENT_VM_CACHE:-$XDG_CACHE_HOME/podagent-vm} by a hash of what they are made from (this file, packages, guest/), outside the clone, so that
# the next clone finds them. A build writes beside its final name and renames; builds of one image wait for each other. Needs root and Debian's tools.
set -euo pipefail
cd "$(dirname "$0")"
series=${1:?usage: build-image.sh 6.1|6.12}
cache=${PODAGENT_VM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/podagent-vm}
case $series in
  6.1) suite=bookworm ;;
  6.12) suite=bookworm-backports ;;
  *) echo "build-image: no kernel '$series'; there are 6.1 and 6.12" >&2; exit 2 ;;
esac

# Everything that decides what is in the image, by content and mode.
key=$(find build-image.sh packages guest \( -type f -printf '%p %m ' -exec sha256sum {} \; -o -type l -printf '%p -> %l\n' \) | LC_ALL=C sort | sha256sum | cut -c1-16)
image=$cache/$series-$key
root=$cache/root-$key.tar
mkdir -p "$cache"
touch_used() { touch "$image" "$root"; }
if [ -f "$image/version" ]; then touch_used; echo "$image"; exit 0; fi

exec {lock}>"$cache/build.lock"
flock "$lock"
if [ -f "$image/version" ]; then touch_used; echo "$image"; exit 0; fi
[ "$(id -u)" = 0 ] || { echo "build-image: building the machine needs root" >&2; exit 1; }
work=$(mktemp -d "$cache/build.XXXXXX")
log=$work/log
trap 'code=$?; [ $code = 0 ] || { tail -n 20 "$log" >&2; echo "build-image: $series failed" >&2; }; rm -rf "$work"' EXIT
started=$SECONDS
echo "building the test machine's image: Debian bookworm, kernel $series" >&2

# The mirror that this machine uses for Debian, if it is a Debian; else Debian's own.
mirror() { # suite, fallback
  local uri
  uri=$(apt-get indextargets --format '$(REPO_URI)' "Suite: $1" 2>/dev/null | head -n 1)
  [ -n "$uri" ] || uri=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $1" 2>/dev/null | head -n 1)
  echo "${uri:-$2}"
}
debian=$(mirror bookworm http://deb.debian.org/debian)
security=$(mirror bookworm-security http://deb.debian.org/debian-security)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
line() { echo "deb [signed-by=$keyring] $*"; }

# 1. The root file system, shared by all kernels.
if [ ! -f "$root" ]; then
  packages=$(sed 's/#.*//' packages | tr -s ' \n' ',,' | sed 's/^,//; s/,$//')
  mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    bookworm "$work/root.tar" \
    "$(line "$debian" bookworm main)" "$(line "$security" bookworm-security main)" >"$log" 2>&1
  mv "$work/root.tar" "$root"
fi
mkdir "$work/root"
tar -C "$work/root" -xpf "$root" --numeric-owner

# 2. The kernel: its package, unpacked. Its maintainer scripts would want a boot loader.
mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
case $suite in
  bookworm) { line "$debian" bookworm main; line "$security" bookworm-security main; } >"$work/apt/sources.list" ;;
  *) line "$debian" "$suite" main >"$work/apt/sources.list" ;;
esac
from=(-o "Dir::State=$work/apt" -o "Dir::State::status=/dev/null" -o "Dir::Cache=$work/apt/cache" -o "Dir::Etc::SourceList=$work/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
      -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Sandbox::User=root -o Acquire::Languages=none)
apt-get "${from[@]}" update >"$log" 2>&1
kernel=$(apt-cache "${from[@]}" depends --important linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
[ -n "$kernel" ] || { echo "build-image: $suite of $debian has no linux-image-cloud-amd64" >&2; exit 1; }
(cd "$work/apt" && apt-get "${from[@]}" download "$kernel") >"$log" 2>&1
dpkg-deb --fsys-tarfile "$work"/apt/linux-image-*.deb | tar -C "$work/root" -xp --keep-directory-symlink
release=$(ls "$work/root/lib/modules")
case $release in "$series".*) ;; *) echo "build-image: wanted kernel $series and got $release" >&2; exit 1 ;; esac
depmod -b "$work/root" "$release"

# 3. Our part of it.
cp -a guest/. "$work/root/"
chown -R 0:0 "$work/root/etc/systemd/system" "$work/root/usr/local"
in_root() { chroot "$work/root" "$@" >"$log" 2>&1; }
echo podagent-vm >"$work/root/etc/hostname"
printf '127.0.0.1 localhost podagent-vm\n' >"$work/root/etc/hosts"
# A first boot would set this and every unit's state.
printf '%s\n' "$key$key" | tr -cd '0-9a-f\n' >"$work/root/etc/machine-id"
mkdir -p "$work/root/var/log/journal" "$work/root/mnt/payload"
in_root systemctl enable vm-channel.service vm-api.service
# Nothing that runs by the clock while a test measures, and nothing that a boot would wait for.
in_root systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
  getty@tty1.service systemd-networkd-wait-online.service systemd-timesyncd.service ldconfig.service systemd-pstore.service \
  systemd-update-utmp.service systemd-update-utmp-runlevel.service getty-static.service
in_root systemctl set-default multi-user.target

# 4. What brings the kernel to the root disk. The modules are loaded in the order of their dependencies.
initrd=$work/initrd
mkdir -p "$initrd"/{bin,dev,proc,sys,new,modules}
cp "$work/root/bin/busybox" "$initrd/bin/busybox"
number=0
for module in virtio_pci virtio_blk ext4; do
  modprobe -d "$work/root" -S "$release" --show-depends "$module"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
  number=$((number + 1))
  name=$(printf '%02d-%s' "$number" "$(basename "$file")")
  case $file in
    *.xz) xz -dc "$file" >"$initrd/modules/${name%.xz}" ;;
    *) cp "$file" "$initrd/modules/$name" ;;
  esac
done
cat >"$initrd/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
# For whoever only wants to know whether a kernel runs at all.
case " $(/bin/busybox cat /proc/cmdline) " in *" vm.probe "*) echo "vm.probe: the kernel runs"; /bin/busybox poweroff -f ;; esac
for module in /modules/*; do /bin/busybox insmod "$module"; done
until [ -b /dev/vda ]; do /bin/busybox usleep 20000; done
/bin/busybox mount -t ext4 /dev/vda /new || /bin/busybox poweroff -f
/bin/busybox umount /proc
/bin/busybox mount -o move /dev /new/dev
exec /bin/busybox switch_root /new /lib/systemd/systemd
INIT
chmod 755 "$initrd/init"
(cd "$initrd" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) | gzip -1 >"$work/initrd.gz"

# 5. The disk.
truncate -s 6G "$work/root.img"
mke2fs -q -F -t ext4 -L root -E lazy_itable_init=1,lazy_journal_init=1 -d "$work/root" "$work/root.img" >"$log" 2>&1
mkdir "$work/image"
mv "$work/root.img" "$work/initrd.gz" "$work/image/"
mv "$work/root/boot/vmlinuz-$release" "$work/image/vmlinuz"
echo "$release" >"$work/image/version"
mv "$work/image" "$image"
# What no clone has used for two weeks.
find "$cache" -mindepth 1 -maxdepth 1 \( -name '6.*' -o -name 'root-*.tar' -o -name 'build.??????' \) -mtime +14 -exec rm -rf {} +
echo "built kernel $release in $((SECONDS - started)) s" >&2
echo "$image"
