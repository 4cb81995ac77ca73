# shellcheck shell=bash
# S3 servers that Go builds, on loopback; sourced by run, after localstack/stack.sh.

go_program() { # FOLDER PINS
  env GOBIN="$1" CGO_ENABLED=0 nice go install -trimpath -ldflags "-s -w" "$(cat "$2")"
}

answers() { # PORT PATH
  # shellcheck disable=SC2016
  timeout 3 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n" "$1" >&3 && head -1 <&3' \
    "$@" 2>/dev/null | grep -q ' 200'
}

# Over plain files; the file system needs user attributes.
versitygw_start() { # FOLDER PORT
  mkdir -p "$STATE/versitygw/data"
  launch versitygw "$1/versitygw" --quiet --health /health --access "$AWS_ACCESS_KEY_ID" --secret "$AWS_SECRET_ACCESS_KEY" \
    --region eu-west-1 --port "127.0.0.1:$2" posix "$STATE/versitygw/data"
  wait_until versitygw 30 answers "$2" /health
}

minio_start() { # FOLDER PORT
  mkdir -p "$STATE/minio/data"
  launch minio env MINIO_ROOT_USER="$AWS_ACCESS_KEY_ID" MINIO_ROOT_PASSWORD="$AWS_SECRET_ACCESS_KEY" MINIO_UPDATE=off \
    MINIO_BROWSER=off MINIO_CI_CD=1 MINIO_REGION=eu-west-1 "$1/minio" server --quiet --address "127.0.0.1:$2" "$STATE/minio/data"
  wait_until minio 60 answers "$2" /minio/health/live
}
