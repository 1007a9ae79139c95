#!/usr/bin/env bash
# Makes what the test machine installs: the package of this clone, and the same with a later version for upgrades. Not compressed: unpacking is what takes
# a machine under software emulation longest.
set -euo pipefail
cd "$(dirname "$0")/../.."
rm -f artifacts/deb/podagent_*.deb
export DEB_COMPRESSION=none
packaging/deb.sh
packaging/deb.sh --no-build --suffix +next
