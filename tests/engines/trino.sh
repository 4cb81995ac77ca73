# shellcheck shell=bash
# One node of Trino, the engine family behind Athena, and moto's Glue API; sourced by run.

trino_files() { # FOLDER PINS
  local artifact
  artifact=io.trino:trino-server:$(cat "$2"):tar.gz
  mvn -q -B dependency:copy -Dartifact="$artifact" -DoutputDirectory="$1/archive" || return 1
  # It links equal jars of different plugins, so all of it is unpacked before what is not needed goes.
  tar xzf "$1"/archive/*.tar.gz -C "$1" --strip-components 1 || return 1
  rm -rf "$1/archive"
  find "$1/plugin" -mindepth 1 -maxdepth 1 ! -name hive ! -name tpch -exec rm -rf {} +
}

# Prints the home of a Java 24 or newer: TRINO_JAVA, JAVA_HOME, that of java, or a neighbour of it.
java_24() {
  local home version here
  here=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")
  for home in "${TRINO_JAVA:-}" "${JAVA_HOME:-}" "$here" "$here"/../*; do
    [ -x "$home/bin/java" ] || continue
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release" 2>/dev/null) || true
    if [ "${version:-0}" -ge 24 ]; then (cd "$home" && pwd -P); return; fi
  done
  fail "missing: Java 24 or newer, for Trino: install one beside the other, or set TRINO_JAVA"
}

glue_start() { # VENV PORT
  mkdir -p "$STATE/glue"
  launch glue "$1/bin/python" -c 'import sys; from moto.server import main; main(sys.argv[2:])' "$STATE/glue/" -H 127.0.0.1 -p "$2"
  wait_until glue 60 listening "$2"
}

trino_start() { # FOLDER JAVA PORT S3 GLUE
  local home=$STATE/trino
  mkdir -p "$home/etc/catalog" "$home/data"
  cat >"$home/etc/node.properties" <<E
node.environment=test
node.id=local
node.data-dir=$home/data
E
  cat >"$home/etc/config.properties" <<E
coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port=$3
discovery.uri=http://127.0.0.1:$3
node.internal-address=127.0.0.1
node.bind-ip=127.0.0.1
query.max-memory=1GB
query.max-memory-per-node=600MB
web-ui.enabled=false
catalog.management=static
E
  cat >"$home/etc/jvm.config" <<E
-server
-Xmx1500M
-XX:+UseSerialGC
-XX:TieredStopAtLevel=1
-XX:+ExitOnOutOfMemoryError
-XX:ReservedCodeCacheSize=256M
-Djdk.attach.allowAttachSelf=true
-Dfile.encoding=UTF-8
--enable-native-access=ALL-UNNAMED
--add-opens=java.base/java.nio=ALL-UNNAMED
E
  echo connector.name=tpch >"$home/etc/catalog/tpch.properties"
  # Microseconds, since Trino shows milliseconds unless asked.
  cat >"$home/etc/catalog/glue.properties" <<E
connector.name=hive
hive.metastore=glue
hive.metastore.glue.region=eu-west-1
hive.metastore.glue.endpoint-url=$5
hive.metastore.glue.aws-access-key=test
hive.metastore.glue.aws-secret-key=test
hive.partition-projection-enabled=true
hive.timestamp-precision=MICROSECONDS
fs.native-s3.enabled=true
s3.endpoint=$4
s3.region=eu-west-1
s3.path-style-access=true
s3.aws-access-key=test
s3.aws-secret-key=test
E
  JAVA_HOME=$2 PATH=$2/bin:$PATH launch trino "$1/bin/launcher" run --etc-dir "$home/etc"
  wait_until trino 180 trino_answers "$3"
}

# It says that it has started seconds before its own node takes work, so a scan is the question. Follows the answer's pages
# to the last.
trino_answers() { # PORT
  local page next
  page=$(curl -fsS -m 10 -X POST -H 'X-Trino-User: probe' --data 'SELECT count(*) FROM tpch.tiny.nation' \
    "http://127.0.0.1:$1/v1/statement" 2>/dev/null) || return 1
  while next=$(sed -n 's/.*"nextUri":"\([^"]*\)".*/\1/p' <<<"$page"); [ -n "$next" ]; do
    page=$(curl -fsS -m 10 "$next" 2>/dev/null) || return 1
  done
  grep -q '"state":"FINISHED"' <<<"$page"
}
