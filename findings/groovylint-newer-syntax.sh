#!/usr/bin/env bash
# npm-groovy-lint 16.2.0: it is content with a pipeline that Jenkins cannot read.
#
# Its CodeNarc is built on Groovy 4, and so is the grammar that decides whether a file can be read at all. Pipelines are
# read by Groovy 2.4.21: `!in`, `?=` and lambdas are syntax errors there. The linter's profile for Jenkinsfiles says
# nothing of them. Only the old compiler tells, as here the one from Maven Central.
#
# Seen on 2026-11-27:
#   npm-groovy-lint: 0, 4 linted files
#   Groovy 2.4.21, not-in.groovy: 1
#   Groovy 2.4.21, elvis-assignment.groovy: 1
#   Groovy 2.4.21, lambda.groovy: 1
#   Groovy 2.4.21, plain.groovy: 0
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
groovy_lint_package 16.2.0
maven_jars org.codehaus.groovy:groovy-all:2.4.21
COMPILER=org.codehaus.groovy.tools.FileSystemCompiler

mkdir vars
echo '{"extends": "recommended-jenkinsfile"}' >.groovylintrc.json
step() { # FILE STATEMENT
  printf "/** Reruns. */\nvoid call(Map config) {\n    %s\n    echo config.channel\n}\n" "$2" >"vars/$1"
}
step not-in.groovy "if ('channel' !in config) { error 'channel is missing' }"
step elvis-assignment.groovy "config.channel ?= 'stable'"
step lambda.groovy 'echo config.devices.collect((String name) -> name.trim()).join(", ")'
step plain.groovy "if (!('channel' in config)) { error 'channel is missing' }"

exit_code() { # COMMAND...
  local status=0
  "$@" >output 2>&1 || status=$?
  echo "$status"
}

both() {
  local file lint
  lint=$(exit_code node_modules/.bin/npm-groovy-lint --noserver --failon warning --path vars)
  echo "npm-groovy-lint: $lint, $(sed 's/\x1b\[[0-9]*m//g' output | grep -oE '[0-9]+ linted files')"
  for file in not-in elvis-assignment lambda plain; do
    file=$file.groovy
    echo "Groovy 2.4.21, $file: $(exit_code java -cp 'jars/*' "$COMPILER" -d classes "vars/$file")"
  done
}

shows both
