#!/usr/bin/env bash
# Compiles a real app, starts it from its slug, and fetches a page from it.
# Everything goes to a folder of its own, which is kept for a look at it.
set -euo pipefail
cd "$(dirname "$0")/.."

out=out/demo
app=testdata/apps/nodejs-express
mkdir -p "$out"

echo "\$ slugc build $app"
out/slugc build "$app" -o "slug:$out/slug.tgz" -o "oci:$out/image" --metadata "$out/release.json"

echo
echo "\$ slugc inspect slug:$out/slug.tgz"
out/slugc inspect "slug:$out/slug.tgz"

echo
echo "\$ slugc run slug:$out/slug.tgz web"
log=$out/run.log
out/slugc run "slug:$out/slug.tgz" web >"$log" 2>&1 &
slugc=$!
stop() {
  kill -TERM "$slugc" 2>/dev/null || :
  wait "$slugc" 2>/dev/null || :
}
trap stop EXIT

# slugc says on which port the app is to listen; the app says when it does.
port=
for _ in $(seq 300); do
  kill -0 "$slugc" 2>/dev/null || { cat "$log"; echo "the app ended before it answered"; exit 1; }
  port=$(sed -n 's/.*PORT=\([0-9]\+\).*/\1/p' "$log" | head -n 1)
  if [ -n "$port" ] && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then break; fi
  sleep 0.1
done
cat "$log"

echo
echo "GET http://127.0.0.1:$port/"
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&3
page=$(cat <&3)
echo "$page"
grep -q '^HTTP/1.1 200' <<<"$page"

echo
echo "slug: $out/slug.tgz   image: $out/image   record: $out/release.json"
