#!/bin/sh
# Keeps the last few copies of a folder.
set -eu

source_dir=${1:?usage: backup.sh FOLDER}
target_dir=${BACKUP_DIR:-$HOME/backups}
keep=7

mkdir -p "$target_dir"

make_copy() {
    name=$(basename "$source_dir")-$(date +%Y%m%d-%H%M%S).tar.gz
    tar -czf "$target_dir/$name" -C "$(dirname "$source_dir")" "$(basename "$source_dir")"
    echo "$target_dir/$name"
}

drop_old() {
    count=0
    ls -1t "$target_dir" | while read -r name; do
        count=$((count + 1))
        if [ $count > $keep ]; then
            rm -f "$target_dir/$name"
        fi
    done
}

make_copy
drop_old
