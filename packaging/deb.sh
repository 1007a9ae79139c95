#!/usr/bin/env bash
# Makes artifacts/deb/podagent_<version>_<arch>.deb.
# usage: packaging/deb.sh [--no-build] [--suffix +next]
#   --no-build   of what artifacts/dist holds
#   --suffix     another, later version: what an upgrade is tested with
# SOURCE_DATE_EPOCH: seconds, the time of every file in the package; default the last commit's. DEB_COMPRESSION: of dpkg-deb, default xz.
set -euo pipefail
cd "$(dirname "$0")/.."
suffix= build=()
while [ $# -gt 0 ]; do
  case $1 in
    --no-build) build=(--no-build) ;;
    --suffix) suffix=$2; shift ;;
    *) sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2 ;;
  esac
  shift
done
work=artifacts/package/deb
root=$work/root
upstream=$(sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props)
version=$(dpkg-parsechangelog -l packaging/deb/changelog -S Version)
[ "${version%-*}" = "$upstream" ] || { echo "packaging/deb/changelog says $version, Directory.Build.props $upstream" >&2; exit 1; }
version+=$suffix
arch=$(dpkg --print-architecture)
# A package from an archive of the sources, without git, has the time of its changelog.
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct 2>/dev/null || dpkg-parsechangelog -l packaging/deb/changelog -S Timestamp)}"
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022

packaging/stage.sh "${build[@]}" "$root" lib/systemd/system
doc=$root/usr/share/doc/podagent
install -D -m 0644 packaging/deb/copyright "$doc/copyright"
gzip -9nc packaging/deb/changelog >"$doc/changelog.Debian.gz"
install -D -m 0644 packaging/deb/lintian-overrides "$root/usr/share/lintian/overrides/podagent"
for name in podagent podctl; do install -D -m 0644 "packaging/completions/_$name" "$root/usr/share/zsh/vendor-completions/_$name"; done

# dpkg-shlibdeps finds what the binaries name; the libraries that they open while they run are listed in control.
mkdir -p "$work/shlibs/debian" "$root/DEBIAN"
cp packaging/deb/control "$work/shlibs/debian/control"
mapfile -t binaries < <(cd "$root" && find usr/lib/podagent -type f \( -name '*.so' -o -name podagent -o -name podctl \) | sort)
linked=$(cd "$work/shlibs" && dpkg-shlibdeps --warnings=0 -O "${binaries[@]/#/../root/}" | sed -n 's/^shlibs:Depends=//p')
[ -n "$linked" ] || { echo "dpkg-shlibdeps found no dependency in ${#binaries[@]} binaries" >&2; exit 1; }
sed -n '/^Package:/,$p' packaging/deb/control |
  sed -e "/^Package:/a Version: $version" -e "s/\${shlibs:Depends}/$linked/" -e "s/^Architecture:.*/Architecture: $arch/" \
    -e "/^Architecture:/a Maintainer: $(sed -n 's/^Maintainer: //p' packaging/deb/control)\nInstalled-Size: $(du -sk --apparent-size --exclude=DEBIAN "$root" | cut -f 1)" \
    -e "/^Architecture:/a Section: admin\nPriority: optional" >"$root/DEBIAN/control"
echo /etc/podagent/config/podagent.yaml >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 0755 "packaging/deb/$script" "$root/DEBIAN/$script"; done
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -print | sed 's:^\./::' | sort | grep -v '^etc/' | xargs -d '\n' md5sum >DEBIAN/md5sums)
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
mkdir -p artifacts/deb
deb=artifacts/deb/podagent_${version}_${arch}.deb
dpkg-deb --root-owner-group -Z"${DEB_COMPRESSION:-xz}" --build "$root" "$deb" >/dev/null
echo "$deb"
