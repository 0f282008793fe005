for profile in "$HOME"/.profile.d/*.sh; do
  if [ -r "$profile" ]; then . "$profile"; fi
done
unset profile
if [ -r "$HOME/.profile" ]; then . "$HOME/.profile"; fi
case $1 in
  */*) ;;
  *)
    if ! type -P -- "$1" >/dev/null; then
      echo " !     There is no program $1 in the app or on its stack." >&2
      exit 127
    fi
    ;;
esac
exec "$@"
