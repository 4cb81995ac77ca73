# shellcheck shell=bash
# LocalStack's S3; sourced by up.

s3_start() { # VENV PORT
  local home=$STATE/s3
  rm -rf "$home"
  mkdir -p "$home/data" "$home/tmp" "$home/cache"
  echo "$2" >"$home/port"
  # A cache folder of its own: plux keeps there which services it saw, and one made elsewhere hides S3.
  # Eager: else the first request takes seconds.
  launch s3 env PATH="$1/bin:$PATH" SERVICES=s3 EAGER_SERVICE_LOADING=1 GATEWAY_LISTEN="127.0.0.1:$2" \
    FILESYSTEM_ROOT="$home/data" XDG_CACHE_HOME="$home/cache" TMPDIR="$home/tmp" DISABLE_EVENTS=1 \
    SKIP_SSL_CERT_DOWNLOAD=1 "$1/bin/python" "$HERE/s3_server.py" "$home/data"
}

http_get() { # PORT PATH
  # shellcheck disable=SC2016
  timeout 3 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n" "$1" >&3 && cat <&3' \
    "$@" 2>/dev/null || true
}

s3_answers() { # PORT: a bucket that is missing is an answer of S3 itself
  http_get "$1" '/no-such-bucket?list-type=2' | grep -q NoSuchBucket
}

s3_ready() { # PORT
  wait_until s3 90 s3_answers "$1"
}
