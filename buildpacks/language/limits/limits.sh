#!/bin/sh
# Tells the processes of an app what of the machine is theirs. Variables go to
# file descriptor 3; what is set already stays.

# first FILE...: the first line of the first file that can be read.
first() {
	for file; do
		if [ -r "$file" ]; then
			read -r line <"$file" || line=
			echo "$line"
			return
		fi
	done
}

# set_default NAME VALUE: for a value without quotes and backslashes.
set_default() {
	if eval "[ -z \"\${$1+set}\" ]"; then
		printf '%s = "%s"\n' "$1" "$2" >&3
		eval "$1=\$2"
	fi
}

cgroups=/sys/fs/cgroup
memory_limited=yes
memory_mb=$(first "$cgroups/memory.max" "$cgroups/memory/memory.limit_in_bytes")
# No limit reads as "max", or as a number of 19 digits.
case $memory_mb in
'' | *[!0-9]* | ???????????????????*) memory_mb=512 memory_limited= ;;
*) memory_mb=$((memory_mb / 1048576)) ;;
esac

# A quota of processor time is rounded up to whole processors.
cpus=$(nproc 2>/dev/null || echo 1)
quota=$(first "$cgroups/cpu.max")
if [ -z "$quota" ]; then
	quota="$(first "$cgroups/cpu/cpu.cfs_quota_us") $(first "$cgroups/cpu/cpu.cfs_period_us")"
fi
period=${quota#* }
quota=${quota%% *}
case $quota$period in
'' | *[!0-9]*) ;;
*)
	if [ "$quota" -gt 0 ] && [ "$period" -gt 0 ] && [ $(((quota + period - 1) / period)) -lt "$cpus" ]; then
		cpus=$(((quota + period - 1) / period))
	fi
	;;
esac

