# shellcheck shell=bash
# Apache Kafka, one node; sourced by up.

kafka_jars() { # FOLDER POM
  mvn -q -B -f "$2" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$1"
}

# C1 only: half the start-up time of the full compiler.
KAFKA_JAVA=("${JAVA_HOME:+$JAVA_HOME/bin/}java" -XX:+UseSerialGC -XX:TieredStopAtLevel=1
  "-Dlog4j2.configurationFile=$HERE/kafka-log4j2.properties")

# The broker's certificate, its own authority, for TLS on the second listener.
kafka_certificate() { # FOLDER
  local keytool=("${JAVA_HOME:+$JAVA_HOME/bin/}keytool" -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1
    -keystore "$1/keystore.p12" -storepass not-secret -alias broker)
  "${keytool[@]}" -genkeypair -keyalg EC -validity 3650 -dname CN=broker -ext san=ip:127.0.0.1 &&
    "${keytool[@]}" -exportcert -rfc -file "$1/ca.pem"
}

kafka_start() { # FOLDER_OF_JARS PORT
  local home=$STATE/kafka controller secured
  controller=$(free_port)
  secured=$(free_port)
  rm -rf "$home"
  mkdir -p "$home"
  echo "$2" >"$home/port"
  echo "$secured" >"$home/secured-port"
  {
    cat "$HERE/kafka.properties"
    echo "controller.quorum.voters=1@127.0.0.1:$controller"
    echo "listeners=PLAINTEXT://127.0.0.1:$2,SASL_SSL://127.0.0.1:$secured,CONTROLLER://127.0.0.1:$controller"
    echo "advertised.listeners=PLAINTEXT://127.0.0.1:$2,SASL_SSL://127.0.0.1:$secured"
    echo "ssl.keystore.location=$home/keystore.p12"
    echo "log.dirs=$home/data"
  } >"$home/server.properties"
  "${KAFKA_JAVA[@]}" -Xmx256m -cp "$1/*" kafka.tools.StorageTool format \
    -t "$(head -c 16 /dev/urandom | base64 | sed 's/[+/]/A/g; s/=*$//')" -c "$home/server.properties" \
    --add-scram 'SCRAM-SHA-512=[name=alluvium,password=not-secret]' >"$home/log" 2>&1 ||
    { tail -n 20 "$home/log" >&2; fail "Kafka's folder could not be formatted; the log is $home/log"; }
  kafka_certificate "$home" >>"$home/log" 2>&1 ||
    { tail -n 20 "$home/log" >&2; fail "Kafka's certificate could not be made; the log is $home/log"; }
  kafka_launch "$1"
}

kafka_launch() { # FOLDER_OF_JARS: over whatever data there is
  launch kafka "${KAFKA_JAVA[@]}" -Xms128m -Xmx512m -XX:+ExitOnOutOfMemoryError -cp "$1/*" \
    kafka.Kafka "$STATE/kafka/server.properties"
}

# Kafka's protocol needs no client for the two questions asked here.
kafka_ask() { # PORT REQUEST BYTES: prints the first bytes of the answer as hex
  # shellcheck disable=SC2016
  timeout 3 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "$1" >&3 && head -c "$2" <&3 | od -An -v -tx1' "$@" \
    2>/dev/null | tr -d ' \n' || true
}

# Metadata, version 4, no topics: the answer names the one broker.
kafka_answers() { # PORT
  local hex
  hex=$(kafka_ask "$1" '\0\0\0\024\0\003\0\004\0\0\0\007\0\005probe\0\0\0\0\0' 16)
  [ "${hex:24:8}" = 00000001 ]
}

# FindCoordinator, version 1: also makes the internal topics, for which the first group and transaction would wait.
kafka_coordinates() { # PORT
  local kind hex
  for kind in 0 1; do # group, transaction
    hex=$(kafka_ask "$1" '\0\0\0\026\0\012\0\001\0\0\0\007\0\005probe\0\004warm\00'$kind 14)
    [ "${hex:24:4}" = 0000 ] || return 1
  done
}

kafka_ready() { # PORT
  wait_until kafka 90 kafka_answers "$1"
  wait_until kafka 60 kafka_coordinates "$1"
}
