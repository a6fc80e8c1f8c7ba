#!/usr/bin/env bash
# JenkinsPipelineUnit 1.1 with groovy-cps 1.24: `each` and its like stop after the first element, without a word.
#
# Jenkins runs each, collect, findAll, any, every and inject on transformed closures by versions of its own.
# JenkinsPipelineUnit's CPS base class transforms the script and leaves Groovy's own methods in place, of which the
# first call of the closure ends the loop, and its value is the result. A test of such a step fails for what Jenkins
# does right, or passes for what never ran. Inside `use(Continuable.categories)` a test has what Jenkins has.
#
# Seen on 2026-11-27:
#   as it comes: echo [1], collect 2, findAll false, any false, every true, inject 1
#   with the categories: echo [1, 2, 3], collect [2, 4, 6], findAll [2, 3], any true, every false, inject 6
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
maven_jars com.lesfurets:jenkins-pipeline-unit:1.1 com.cloudbees:groovy-cps:1.24 org.codehaus.groovy:groovy-all:2.4.21 \
  junit:junit:4.13.2

cat >step.groovy <<'GROOVY'
def call(List numbers) {
  numbers.each { number -> echo "${number}" }
  return [
    collect: numbers.collect { it * 2 },
    findAll: numbers.findAll { it > 1 },
    any: numbers.any { it == 3 },
    every: numbers.every { it < 3 },
    inject: numbers.inject(0) { sum, number -> sum + number },
  ]
}
return this
GROOVY
cat >run.groovy <<'GROOVY'
import com.cloudbees.groovy.cps.Continuable
import com.lesfurets.jenkins.unit.cps.BasePipelineTestCPS

class Pipeline extends BasePipelineTestCPS { }

def pipeline = new Pipeline()
pipeline.setUp()
def said = []
pipeline.helper.registerAllowedMethod('echo', [String]) { said << it }
def step = pipeline.loadScript('step.groovy')
def run = {
  said.clear()
  def results = step.invokeMethod('call', [[1, 2, 3]] as Object[])
  "echo ${said}, " + results.collect { name, value -> "${name} ${value}" }.join(', ')
}
println "as it comes: ${run()}"
use(Continuable.categories) { println "with the categories: ${run()}" }
GROOVY
shows java -cp "jars/*:." groovy.ui.GroovyMain run.groovy
