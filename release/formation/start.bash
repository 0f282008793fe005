for profile in "$HOME"/.profile.d/*.sh; do
  if [ -r "$profile" ]; then . "$profile"; fi
done
unset profile
if [ -r "$HOME/.profile" ]; then . "$HOME/.profile"; fi
exec "$@"
