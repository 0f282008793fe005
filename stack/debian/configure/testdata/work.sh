# Does in a build root filesystem what builds and processes do there.
set -eu
cd /tmp

cat > hello.c <<'C'
#include <stdio.h>
#include <openssl/ssl.h>
#include <zlib.h>
int main(void) { return printf("C: %s, zlib %s\n", OpenSSL_version(0), zlibVersion()) < 0; }
C
cc hello.c -o hello-c -lssl -lcrypto -lz
./hello-c

cat > hello.cc <<'CC'
#include <iostream>
#include <thread>
int main() { std::thread t([] { std::cout << "C++: a thread\n"; }); t.join(); }
CC
c++ -O2 -pthread hello.cc -o hello-cc
./hello-cc

git --version
perl -e 'print "perl: ", $], "\n"'
echo one two | awk '{ print "awk: " $2 }'
getent passwd slugc
getent hosts localhost
test "$(id -un 1000)" = slugc
python3 -c 'import ssl, ctypes; assert len(ssl.create_default_context().get_ca_certs()) > 100; print("python:", ssl.OPENSSL_VERSION)'
if test -e /usr/lib/x86_64-linux-gnu/libsqlite3.so.0; then
	python3 -c 'import sqlite3; print("sqlite:", sqlite3.sqlite_version)'
fi
openssl verify -CApath /etc/ssl/certs -no-CAfile -no-CAstore /usr/share/ca-certificates/mozilla/ISRG_Root_X2.crt
openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt /usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt
test "$(TZ=Asia/Tokyo date +%Z)" = JST
test "$(date +%Z)" = UTC
printf '#!/usr/bin/awk -f\nBEGIN { print "interpreter: awk" }\n' > script
chmod +x script
./script

# The network has no interface that is up, not even loopback, until this.
python3 - <<'PY'
import fcntl, socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 1))
PY
python3 -u -m http.server --bind 127.0.0.1 8000 > server.log 2>&1 &
curl --silent --show-error --fail --retry 20 --retry-connrefused --retry-delay 1 http://localhost:8000/hello.c | cmp - hello.c
kill $!
echo all done
