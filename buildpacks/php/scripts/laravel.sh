
# Laravel answers nothing without a key for what it encrypts.
if [ -z "${APP_KEY:-}" ] && ! grep -qs '^APP_KEY=.' .env; then
	echo "APP_KEY is not set, so this process has a key for itself: sessions end with it, and no other process can read them." >&2
	echo "Set one: slugc config set APP APP_KEY=base64:\$(openssl rand -base64 32)" >&2
	set_default APP_KEY "base64:$(head -c 32 /dev/urandom | base64 -w 0)"
fi
