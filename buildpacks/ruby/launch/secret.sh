
# Rails does not start without a key for what it signs.
if [ -z "${SECRET_KEY_BASE:-}" ] && [ -z "${SECRET_KEY_BASE_DUMMY:-}" ] && [ -z "${RAILS_MASTER_KEY:-}" ]; then
	echo "SECRET_KEY_BASE is not set, so this process has a key for itself: sessions end with it, and no other process can read them." >&2
	echo "Set one: slugc config set APP SECRET_KEY_BASE=\$(openssl rand -hex 64)" >&2
	set_default SECRET_KEY_BASE "$(od -An -N64 -tx1 /dev/urandom | tr -d ' \n')"
fi
