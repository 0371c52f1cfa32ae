#!/bin/sh
# Runs a program as a container of docker-compose.yml would run it, as far as a machine without an engine can: its root is
# ROOT, read-only; folders of TMPFS are in memory; MOUNTS has lines of `source target mode`; HOSTS is its /etc/hosts. Needs
# root and a mount namespace of its own (unshare --mount). The arguments are what chroot runs.
set -eu

mount --make-rprivate /
mount --rbind "$ROOT" "$VIEW"
for target in $TMPFS; do
  mkdir -p "$VIEW$target"
  mount -t tmpfs -o mode=1777 tmpfs "$VIEW$target"
done
printf '%s\n' "$MOUNTS" | while read -r source target mode; do
  [ -n "$source" ] || continue
  if [ -d "$source" ]; then mkdir -p "$VIEW$target"; else mkdir -p "$VIEW${target%/*}" && touch "$VIEW$target"; fi
  mount --bind "$source" "$VIEW$target"
  if [ "$mode" = ro ]; then mount -o remount,bind,ro "$VIEW$target"; fi
done
mount -t proc proc "$VIEW/proc"
mount --rbind /dev "$VIEW/dev"
mount --bind "$HOSTS" "$VIEW/etc/hosts"
mount -o remount,bind,ro "$VIEW"
exec chroot "$VIEW" "$@"
