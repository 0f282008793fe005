
# What Symfony signs with an empty secret, everybody can sign.
if [ -z "${APP_SECRET:-}" ] && [ -f .env ] && grep -qs '^APP_SECRET=$' .env; then
	echo "APP_SECRET is not set, so this process has a secret for itself: what it signs, no other process accepts." >&2
	echo "Set one: slugc config set APP APP_SECRET=\$(openssl rand -hex 32)" >&2
	set_default APP_SECRET "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')"
fi
