#!/usr/bin/env bash
# What the findings share: a folder of their own that is removed, packages in it, and the comparison with what was seen.
# Sourced by each NAME.sh; ends it with 0 (as written in its head), 1 (it has changed) or 2 (it cannot be tried here).

finding=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
export PYTHONPATH=${finding%/*} PYTHONDONTWRITEBYTECODE=1 no_proxy=127.0.0.1 NO_PROXY=127.0.0.1

needs() { # COMMAND...
  local name
  for name; do
    command -v "$name" >/dev/null || { echo "needs $name, which is not here" >&2; exit 2; }
  done
}

python_packages() { # NAME==VERSION...
  needs python3
  python3 -m venv venv && venv/bin/python -m pip install --quiet --disable-pip-version-check "$@" || exit 2
}

groovy_lint_package() { # VERSION
  needs npm java
  npm install --no-audit --no-fund --loglevel=error --save-exact "npm-groovy-lint@$1" >&2 || exit 2
}

maven_jars() { # GROUP:ARTIFACT:VERSION...; they and all that they need go to jars/
  needs mvn java
  local artifact group name version
  {
    echo '<project><modelVersion>4.0.0</modelVersion><groupId>finding</groupId><artifactId>finding</artifactId>'
    echo '<version>1</version><packaging>pom</packaging><dependencies>'
    for artifact; do
      IFS=: read -r group name version <<<"$artifact"
      echo "<dependency><groupId>$group</groupId><artifactId>$name</artifactId><version>$version</version></dependency>"
    done
    echo '</dependencies></project>'
  } >pom.xml
  mvn --batch-mode --quiet "-Dmaven.repo.local=$work/maven" "-DoutputDirectory=$work/jars" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies >&2 || exit 2
}

# Prints what the command says, and compares it with the lines of the script's head that are indented by three blanks.
shows() { # COMMAND...
  local status=0
  "$@" | tee seen || status=$?
  [ "$status" != 2 ] || exit 2
  sed -n '2,/^[^#]/s/^#   //p' "$finding" >written
  if [ "$status" = 0 ] && diff written seen >changes; then
    echo '-- as written'
  else
    echo '-- CHANGED (<: as written, >: seen now)'
    cat changes
    exit 1
  fi
}
