# shellcheck shell=bash
# What up, down and status share; sourced, never run.

# shellcheck disable=SC2034 # used by those who source this
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${ALLUVIUM_STACK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/alluvium-stack}
STATE=${ALLUVIUM_STACK_STATE:-$CACHE/state}

say() { echo "$*" >&2; }
fail() { say "$*"; exit 1; }

# Reads --state, which all three know, and leaves the rest in OPTIONS.
read_options() {
  OPTIONS=()
  while [ $# -gt 0 ]; do
    case $1 in
    --state) STATE=${2:?"--state needs a folder"}; shift 2 ;;
    -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) OPTIONS+=("$1"); shift ;;
    esac
  done
  mkdir -p "$STATE"
  STATE=$(cd "$STATE" && pwd)
}

# --- installing, once ---------------------------------------------------------------------------------------------------

# install_once NAME PINS HOW: sets INSTALLED to a folder that HOW has filled. A change of the pins makes a new one.
install_once() {
  INSTALLED=$CACHE/$1-$(sha256sum <"$2" | cut -c1-12)
  [ -e "$INSTALLED/.complete" ] && return
  mkdir -p "$CACHE"
  (
    flock 9 # another stack may be installing the same
    [ -e "$INSTALLED/.complete" ] && exit
    say "installing $1 (once, into $INSTALLED)"
    rm -rf "$INSTALLED"
    mkdir -p "$INSTALLED"
    "$3" "$INSTALLED" "$2" >"$CACHE/install-$1.log" 2>&1 9>&- || {
      tail -n 20 "$CACHE/install-$1.log" >&2
      fail "installing $1 failed; the whole log is $CACHE/install-$1.log"
    }
    touch "$INSTALLED/.complete"
  ) 9>"$CACHE/.lock"
}

# A virtual environment that holds exactly the frozen list; uv fetches in seconds what takes pip a minute.
python_packages() { # FOLDER LIST
  python3 -m venv "$1" &&
    "$1/bin/python" -m pip install -q --disable-pip-version-check uv==0.13.9 &&
    "$1/bin/uv" pip install -q --python "$1/bin/python" --no-deps -r "$2"
}

# --- ports --------------------------------------------------------------------------------------------------------------

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Below the range from which the kernel takes ports for outgoing connections.
free_port() {
  local port
  for _ in {1..100}; do
    port=$((20000 + RANDOM % 12000))
    if ! listening "$port"; then echo "$port"; return; fi
  done
  fail "no free port found between 20000 and 32000"
}

choose_port() { # WISH USUAL
  case $1 in
  free) free_port ;;
  "") if listening "$2"; then free_port; else echo "$2"; fi ;;
  *[!0-9]*) fail "a port is a number or the word free, not $1" ;;
  *) if listening "$1"; then fail "port $1 is taken"; else echo "$1"; fi ;;
  esac
}

# --- processes ----------------------------------------------------------------------------------------------------------

# Prints the pid of a server of this state folder. Pids are reused, so a recorded one counts only while the process names a
# file of this very folder.
pid_of() { # NAME
  local pid
  pid=$(cat "$STATE/$1/pid" 2>/dev/null) && [ -n "$pid" ] || return 1
  tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "$STATE/$1/" || return 1
  echo "$pid"
}

# launch NAME COMMAND...: in a session of its own, so that Ctrl-C ends the tests and not the servers before them.
launch() {
  local name=$1
  shift
  setsid "$@" >>"$STATE/$name/log" 2>&1 </dev/null 9>&- &
  echo $! >"$STATE/$name/pid"
  # It is known by its command line, which it has only after the fork has become the command.
  until pid_of "$name" >/dev/null || ! kill -0 $! 2>/dev/null; do sleep 0.02; done
}

# wait_until NAME SECONDS QUESTION...: asks until the answer is yes; the server's death ends the wait.
wait_until() {
  local name=$1 seconds=$2
  shift 2
  local end=$((SECONDS + seconds))
  until "$@"; do
    pid_of "$name" >/dev/null || { tail -n 20 "$STATE/$name/log" >&2; fail "$name died; its log is $STATE/$name/log"; }
    [ $SECONDS -lt $end ] || fail "$name is not ready after $seconds s; its log is $STATE/$name/log"
    sleep 0.1
  done
}

stop() { # NAME
  local pid
  if pid=$(pid_of "$1"); then
    kill -CONT "$pid" # a test may have stopped it
    kill -TERM "$pid"
    for _ in {1..100}; do
      pid_of "$1" >/dev/null || break
      sleep 0.1
    done
    if pid_of "$1" >/dev/null; then kill -KILL "$pid"; fi
    say "$1 stopped"
  fi
  rm -f "$STATE/$1/pid"
}
