# Runs $1, a line that prepares tests, says $2 and becomes the tests.
bash -c "$1" || {
  status=$?
  echo " !     test-setup ended with status $status. The tests do not run." >&2
  exit "$status"
}
printf '%s\n' "$2"
shift 2
exec "$@"
