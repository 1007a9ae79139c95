#!/bin/sh
# Installs podagent from its package on a Debian machine with cgroup v2, and returns when it runs. The test machine and the Vagrantfile share this script.
# usage: install.sh FILE.deb
set -eu
[ -e /sys/fs/cgroup/cgroup.controllers ] || { echo "install: this machine has no cgroup v2 at /sys/fs/cgroup; boot it with systemd.unified_cgroup_hierarchy=1" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
# dpkg alone where everything it depends on is there: the test machine has no network. Else apt, which fetches what is missing.
dpkg -i "$1" || apt-get install -y --no-install-recommends "$1" || { apt-get update && apt-get install -y --no-install-recommends "$1"; }
systemctl is-active podagent.service
podctl version
